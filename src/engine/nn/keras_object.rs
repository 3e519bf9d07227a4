use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess};
use serde_json::{Map, Value};

/// A named thing with parameters: `{name: NAME, PARAMETER: …}`, or as Keras writes it, `{class_name: NAME, config: {PARAMETER: …}}`
/// (with `module` and `registered_name`, which say nothing more).
#[derive(Debug, Clone, PartialEq)]
pub struct KerasObject {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub config: Map<String, Value>,
}

impl KerasObject {
    /// Reads a mapping.
    ///
    /// # Errors
    /// Without a name.
    pub fn read<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let fields = Map::deserialize(MapAccessDeserializer::new(map))?;
        Self::of(fields).map_err(|_| A::Error::missing_field("name"))
    }

    /// Splits a mapping into name and parameters; gives it back where it has no name.
    ///
    /// # Errors
    /// The mapping.
    pub fn of(mut fields: Map<String, Value>) -> Result<Self, Map<String, Value>> {
        if let Some(Value::String(class)) = fields.get("class_name") {
            let class = class.clone();
            return match fields.get("config") {
                // A function by its name.
                Some(Value::String(name)) => Ok(Self { name: name.clone(), config: Map::new() }),
                Some(Value::Object(config)) => Ok(Self { name: class, config: config.clone() }),
                _ => Ok(Self { name: class, config: Map::new() }),
            };
        }
        match fields.remove("name") {
            Some(Value::String(name)) => Ok(Self { name, config: fields }),
            Some(other) => {
                fields.insert("name".into(), other);
                Err(fields)
            }
            None => Err(fields),
        }
    }
}
