//! Repositories that real servers wrote, unpacked in memory, and what the servers said of them.

use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The blobs of one repository.
pub(crate) struct Repository {
    /// Such as `es-7.10.2/repo`.
    pub(crate) name: String,
    /// By path from the root of the repository.
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
}

impl Repository {
    pub(crate) fn blob(&self, path: &str) -> &[u8] {
        self.blobs.get(path).unwrap_or_else(|| panic!("{} has no blob {path}", self.name))
    }
}

/// One file of `tests/fixtures/snapshots`.
pub(crate) struct Archive {
    pub(crate) name: String,
    /// `manifest.json`: what the live server said.
    pub(crate) manifest: Value,
    /// `repo`, and in most archives `repo_chunked`.
    pub(crate) repositories: Vec<Repository>,
}

impl Archive {
    pub(crate) fn open(name: &str) -> Self {
        let path = folder().join(format!("{name}.tar.gz"));
        let file = std::fs::File::open(&path).unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(file));
        let mut repositories: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        let mut manifest = Value::Null;
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().into_owned();
            let path =
                path.to_str().unwrap().strip_prefix(&format!("{name}/")).unwrap_or_default().to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            if path == "manifest.json" {
                manifest = serde_json::from_slice(&bytes).unwrap();
            }
            if let Some((repository, blob)) = path.split_once('/')
                && repository.starts_with("repo")
                && entry.header().entry_type().is_file()
            {
                repositories.entry(repository.to_owned()).or_default().insert(blob.to_owned(), bytes);
            }
        }
        let with_name = |(repository, blobs)| Repository { name: format!("{name}/{repository}"), blobs };
        let repositories = repositories.into_iter().map(with_name).collect();
        Self { name: name.to_owned(), manifest, repositories }
    }

    /// All archives, by name.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        names().into_iter().map(|name| Self::open(&name))
    }

    pub(crate) fn repository(&self, name: &str) -> &Repository {
        let name = format!("{}/{name}", self.name);
        self.repositories.iter().find(|repository| repository.name == name).unwrap()
    }
}

fn names() -> Vec<String> {
    let is_archive = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(".tar.gz")?;
        Some(name.to_owned())
    };
    let entries = std::fs::read_dir(folder()).unwrap();
    let mut names: Vec<_> = entries.filter_map(|entry| is_archive(entry.unwrap().path())).collect();
    names.sort();
    names
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/snapshots")
}
