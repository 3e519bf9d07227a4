use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;

/// A file of h5py with symbol tables, attributes of both kinds of text, and data that are contiguous and in chunks.
const H5PY: &[u8] = include_bytes!("../../../tests/interop/files/h5py.h5.gz");

fn h5py() -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(H5PY).read_to_end(&mut bytes).unwrap();
    bytes
}

fn tensor<'a>(shape: &'a [usize], values: &'a [f32]) -> Item<'a> {
    Item::Tensor { shape, values }
}

/// Reads all that can be read; what is damaged is an error.
fn read_all(bytes: &[u8]) -> Result<BTreeMap<String, Dataset>, Hdf5Error> {
    let file = File::open(bytes)?;
    let root = file.root()?;
    let mut all = BTreeMap::new();
    for name in ["layer_names", "model_config", "fixed", "keras_version"] {
        root.strings(name)?;
    }
    for path in root.datasets()? {
        all.insert(path.clone(), root.get(&path)?.dataset()?);
    }
    Ok(all)
}

/// The same of damaged bytes, where one fault must not hide what comes behind it.
fn read_on(bytes: &[u8]) {
    let Ok(file) = File::open(bytes) else { return };
    let Ok(root) = file.root() else { return };
    for name in ["layer_names", "model_config", "fixed", "keras_version"] {
        let _ = root.strings(name);
    }
    for path in root.datasets().unwrap_or_default() {
        let _ = root.get(&path).and_then(|object| object.dataset());
    }
}

#[test]
fn what_is_written_is_read_to_the_bit() {
    let numbers = [1.0, -0.0, f32::MIN_POSITIVE / 2.0, 3.25, f32::MAX, 0.1];
    let mut root = Item::default();
    *root.at("layers/lstm/cell/vars/0") = tensor(&[2, 3], &numbers);
    *root.at("layers/attention/vars/0") = tensor(&[], &numbers[..1]);
    *root.at("layers/empty/vars/0") = tensor(&[0, 4], &[]);
    root.at("vars");
    let bytes = write(&root);
    assert_eq!(bytes, write(&root));
    let all = read_all(&bytes).unwrap();
    let bits = |path: &str| -> Vec<u32> { all[path].values.iter().map(|v| v.to_bits()).collect() };
    assert_eq!(bits("layers/lstm/cell/vars/0"), numbers.map(f32::to_bits));
    let shapes: Vec<&[usize]> = all.values().map(|dataset| &dataset.shape[..]).collect();
    assert_eq!(shapes, [&[][..], &[0, 4], &[2, 3]]);
    let file = File::open(&bytes).unwrap();
    let root = file.root().unwrap();
    assert_eq!(root.names().unwrap(), ["layers", "vars"]);
    assert_eq!(root.get("vars").unwrap().names().unwrap(), [""; 0]);
    let missing = root.get("layers/gru/cell").unwrap_err();
    assert_eq!(missing.to_string(), "the file has no `layers/gru`; there is attention, empty, lstm");
    let group = root.get("layers").unwrap().dataset().unwrap_err();
    assert_eq!(group.to_string(), "`layers` is no dataset, not a dataset");
}

/// `tests/interop/files.py` writes the file and says what is in it.
#[test]
fn files_of_h5py_are_read() {
    let bytes = h5py();
    let all = read_all(&bytes).unwrap();
    let counting = |n: usize| (0..n).map(|i| i as f32 / 4.0).collect::<Vec<_>>();
    assert_eq!(all["plain/float32"].values, counting(6));
    assert_eq!(all["plain/float64"].values, counting(6));
    assert_eq!(all["plain/float16"].values, counting(6));
    assert_eq!(all["plain/int32"].values, [-2.0, -1.0, 0.0, 1.0]);
    assert_eq!((&all["plain/scalar"].shape[..], &all["plain/scalar"].values[..]), (&[][..], &[2.5][..]));
    let chunked = &all["chunks/gzip"];
    assert_eq!((&chunked.shape[..], &chunked.values), (&[7, 5, 3][..], &counting(105)));
    assert_eq!(all["chunks/shuffle"].values, counting(105));
    assert_eq!(all["chunks/plain"].values, counting(105));
    assert_eq!(all["compact"].values, counting(3));
    let many: Vec<f32> = (0..40).map(|i| all[&format!("many/layer_{i}")].values[0]).collect();
    assert_eq!(many, (0..40).map(|i| i as f32).collect::<Vec<_>>());
    let file = File::open(&bytes).unwrap();
    let root = file.root().unwrap();
    assert_eq!(
        root.strings("model_config").unwrap().unwrap(),
        [format!("{{\"a\": \"{}\"}}", "é".repeat(900))]
    );
    assert_eq!(root.strings("layer_names").unwrap().unwrap(), ["lstm", "", "dense_1"]);
    assert_eq!(root.strings("fixed").unwrap().unwrap(), ["lstm/kernel:0", "lstm/bias:0"]);
    assert_eq!(root.strings("no such"), Ok(None));
    let error = root.strings("number").unwrap_err().to_string();
    assert_eq!(error, "`/` is an object whose attribute `number` is no text, not one with a text");
}

proptest! {
    #[test]
    fn tensors_come_back(shapes in prop::collection::vec(prop::collection::vec(0_usize..5, 0..4), 0..12), seed in any::<u32>()) {
        let tensors: Vec<Vec<f32>> = shapes
            .iter()
            .map(|shape| (0..shape.iter().product::<usize>()).map(|i| f32::from_bits(seed.wrapping_mul(i as u32 | 1))).collect())
            .collect();
        let mut root = Item::default();
        for (i, (shape, values)) in shapes.iter().zip(&tensors).enumerate() {
            *root.at(&format!("a{}/b/{i}", i % 3)) = tensor(shape, values);
        }
        let all = read_all(&write(&root)).unwrap();
        prop_assert_eq!(all.len(), shapes.len());
        for (i, (shape, values)) in shapes.iter().zip(&tensors).enumerate() {
            let read = &all[&format!("a{}/b/{i}", i % 3)];
            prop_assert_eq!(&read.shape, shape);
            prop_assert!(read.values.iter().zip(values).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }

    #[test]
    fn random_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..600), version in 0_u8..4) {
        let mut file = SIGNATURE.to_vec();
        file.extend([version, 8, 8, 0]);
        file.extend(&bytes);
        read_on(&file);
        read_on(&bytes);
    }

    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>(), cuts in prop::bool::weighted(0.2)) {
        let values: Vec<f32> = (0..64).map(|i| i as f32).collect();
        let mut root = Item::default();
        *root.at("layers/lstm/cell/vars/0") = tensor(&[8, 8], &values);
        *root.at("layers/lstm/cell/vars/1") = tensor(&[64], &values);
        for original in [write(&root), h5py()] {
            let mut bytes = original;
            for (index, byte) in &changes {
                let at = index.index(bytes.len());
                bytes[at] = *byte;
            }
            if cuts {
                bytes.truncate(cut.index(bytes.len()));
            }
            read_on(&bytes);
        }
    }

    /// Bytes that are offsets or sizes matter most: a place of the structure gets the number of another.
    #[test]
    fn changed_addresses_never_panic(from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), great in any::<bool>()) {
        let mut bytes = h5py();
        let words = bytes.len() / 8 - 1;
        let (from, to) = (8 * from.index(words), 8 * to.index(words));
        let word: [u8; 8] = if great { (u64::MAX - 7).to_le_bytes() } else { (from as u64).to_le_bytes() };
        bytes[to..to + 8].copy_from_slice(&word);
        read_on(&bytes);
    }
}

/// A small file could name the same data a thousand times.
#[test]
fn data_that_are_named_again_and_again_are_refused() {
    let values = [1.0; 300];
    let mut root = Item::default();
    for i in 0..40 {
        *root.at(&format!("d{i:02}")) = tensor(&[300], &values);
    }
    let mut bytes = write(&root);
    assert_eq!(read_all(&bytes).unwrap().len(), 40);
    // The same data as often as the file could contain them, and once more.
    let file = File::open(&bytes).unwrap();
    let first = file.root().unwrap().get("d00").unwrap().dataset().unwrap();
    assert_eq!(first.values, values);
    let reads = bytes.len() / size_of_val(&values) + 1;
    let refused = (1..reads).filter(|_| file.root().unwrap().get("d00").unwrap().dataset().is_err()).count();
    assert_eq!(refused, 1, "one dataset was read {reads} times from a file of {} bytes", bytes.len());
    bytes.truncate(100);
    assert!(read_all(&bytes).is_err());
}

/// A file of the fixed form with a group of `members` symbols, each of which has the heap from its own byte on as its name.
fn overlapping_names(heap: usize, members: u16) -> Vec<u8> {
    let mut file = vec![0; 48];
    let [header, local, names, leaf] = [48, 88, 120, 120 + heap as u64];
    file[..12].copy_from_slice(&[&SIGNATURE[..], &[2, 8, 8, 0]].concat());
    file[36..44].copy_from_slice(&header.to_le_bytes());
    // An object header of version 1: 1 message of 16 bytes, the symbol table.
    file.extend([1, 0, 1, 0, 1, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0x11, 0, 16, 0, 0, 0, 0, 0]);
    file.extend([leaf, local].map(u64::to_le_bytes).as_flattened());
    file.extend(b"HEAP\0\0\0\0");
    file.extend([heap as u64, 0, names].map(u64::to_le_bytes).as_flattened());
    file.extend(vec![b'n'; heap - 1]);
    file.push(0);
    file.extend(b"SNOD\x01\0");
    file.extend(members.to_le_bytes());
    for i in 0..u64::from(members) {
        file.extend([i, header, 0, 0, 0].map(u64::to_le_bytes).as_flattened());
    }
    file
}

/// Each name of a file may be a part of another: 2000 of up to 2000 bytes in 82 kB.
#[test]
fn names_that_overlap_are_refused() {
    let names = |members| File::open(&overlapping_names(2000, members)).unwrap().root().unwrap().names();
    assert_eq!(names(1).unwrap().len(), 1);
    let error = names(2000).unwrap_err().to_string();
    assert!(error.contains("names that are longer together than the file"), "{error}");
}

/// A file may have many references to one string of a heap; reading it again and again stands for them.
#[test]
fn texts_that_are_referenced_again_and_again_are_refused() {
    let bytes = h5py();
    let file = File::open(&bytes).unwrap();
    let text = || file.root().unwrap().strings("model_config");
    let len = text().unwrap().unwrap()[0].len();
    let reads = bytes.len() / len + 1;
    let error = (1..reads).find_map(|_| text().err()).unwrap().to_string();
    assert!(error.contains("texts that are longer together than the file"), "{error}");
}
