//! What is measured against must not know what measures it.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_bare_files_don_t_know_the_traits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bare");
    let mut files = vec![folder.with_extension("rs")];
    collect(&folder, &mut files);
    assert!(files.len() > 10, "found only {files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap().to_lowercase();
        assert!(!text.contains("backstay"), "{} mentions backstay", file.display());
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
