use std::path::PathBuf;

use super::SequencesSpec;
use crate::data::error::DataError;
use crate::data::form::{Form, InputForm, TargetForm};
use crate::data::opened::Opened;
use crate::data::source::{Context, FoldSizes, PathSetting, RequiredFile, Source, TokenUse};
use crate::data::sources::labelled::{Validation, split};
use crate::data::text::tokens::TokenSpec;

impl Source for SequencesSpec {
    fn description(&self) -> String {
        self.path.display().to_string()
    }

    fn check(&self) -> Result<(), DataError> {
        self.check_settings()
    }

    fn token_use(&self) -> TokenUse {
        TokenUse::Numbers { source: "a source of numbers".into() }
    }

    fn form(&self, _tokens: Option<&TokenSpec>) -> Form {
        Form {
            inputs: InputForm::Real { time: self.length, features: self.features },
            targets: TargetForm::Classes(None),
        }
    }

    fn open(&self, context: Context<'_>) -> Result<Opened, DataError> {
        Ok(self.load((context.seed, context.fraction), context.known, context.progress)?.into())
    }

    fn files(&self) -> Vec<RequiredFile<'_>> {
        let paths = [Some(self.path.as_path()), self.given()];
        paths.into_iter().flatten().map(|path| RequiredFile { path, needs: self.needs.as_deref() }).collect()
    }

    fn paths_mut(&mut self) -> Vec<PathSetting<'_>> {
        vec![PathSetting { key: &["data", "path"], path: &mut self.path }]
    }

    fn validation_path_mut(&mut self) -> Option<&mut PathBuf> {
        self.validation.as_mut().and_then(Validation::path_mut)
    }

    fn remove_validation(&mut self) {
        self.validation = None;
    }

    fn fold_sizes(&self, folds: usize, seed: u64) -> Result<Option<FoldSizes>, DataError> {
        let sizes = split::folds(self.read(&self.path, &mut |_| {})?.fingerprints(), folds, seed);
        Ok(Some(FoldSizes { path: self.path.clone(), unit: "sequences", sizes }))
    }
}
