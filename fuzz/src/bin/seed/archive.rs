//! The repositories in the archives of `tests/fixtures/snapshots`, in memory.

use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::io::{Read, Result};
use std::path::Path;

/// The blobs of a repository.
pub(crate) struct Repository {
    /// The server that wrote it, such as `es-7.10.2`.
    pub(crate) server: String,
    /// By path from the root of the repository.
    pub(crate) blobs: BTreeMap<String, Vec<u8>>,
}

pub(crate) fn repositories(folder: &Path) -> Result<Vec<Repository>> {
    let mut repositories = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = name.strip_suffix(".tar.gz") {
            repositories.extend(unpack(name, &path)?);
        }
    }
    Ok(repositories)
}

fn unpack(name: &str, path: &Path) -> Result<impl Iterator<Item = Repository>> {
    let server = name.rsplit("_to_").next().unwrap_or(name).to_owned();
    let mut repositories: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
    for entry in tar::Archive::new(GzDecoder::new(std::fs::File::open(path)?)).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let mut names = path.splitn(3, '/').skip(1);
        if let (Some(repository), Some(blob)) = (names.next(), names.next())
            && repository.starts_with("repo")
        {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            repositories.entry(repository.to_owned()).or_default().insert(blob.to_owned(), bytes);
        }
    }
    Ok(repositories.into_values().map(move |blobs| Repository { server: server.clone(), blobs }))
}
