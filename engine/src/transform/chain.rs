//! The steps of a file, ready to be applied.

use super::compile::{self, Compiled};
use super::config_error::ConfigError;
use super::steps::Step;
use super::worker::{Engines, Worker};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// How large a file of transforms, or a script, may be.
pub(super) const MAX_FILE: u64 = 4 << 20;

/// A chain of transforms. Clones share it, and it may be used from many threads.
#[derive(Clone)]
pub struct Chain(Arc<Inner>);

struct Inner {
    compiled: Compiled,
    needs_document: bool,
    /// Engines that no worker has now: at most as many as there were workers at once.
    idle: Mutex<Vec<Engines>>,
}

/// Values and scripts of the file may be secrets: they are not shown.
impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.steps().iter().map(|step| &step.name);
        f.debug_tuple("Chain").field(&names.collect::<Vec<_>>()).finish()
    }
}

impl Chain {
    /// Reads a file of transforms, YAML or JSON. Scripts that it names are looked for beside it.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = read(path).map_err(|problem| ConfigError::general(&name, problem))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        compile::compile(&name, &text, folder).map(Self::new)
    }

    /// Reads the text of a file of transforms. Scripts that it names are looked for in the working directory.
    pub fn from_text(name: &str, text: &str) -> Result<Self, ConfigError> {
        compile::compile(name, text, Path::new("")).map(Self::new)
    }

    fn new(compiled: Compiled) -> Self {
        let needs_document = compiled.steps.iter().any(|step| step.stage.needs_document());
        Self(Arc::new(Inner { compiled, needs_document, idle: Mutex::default() }))
    }

    /// SHA-256 of the file and of the scripts that it names, in hexadecimal: two chains of one digest do the same.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0.compiled.digest
    }

    /// Whether any step looks at `_source`. If not, a document is not parsed, and its bytes stay as they are.
    #[must_use]
    pub fn needs_document(&self) -> bool {
        self.0.needs_document
    }

    /// Whether there is no step at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.compiled.steps.is_empty()
    }

    /// Where the documents of an index go, as far as they are not dropped; `None` when it depends on the document.
    #[must_use]
    pub fn rename_index(&self, index: &str) -> Option<String> {
        self.steps().iter().try_fold(index.to_owned(), |index, step| step.stage.rename(index))
    }

    /// Something that applies the chain, for one thread at a time.
    #[must_use]
    pub fn worker(&self) -> Worker {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        Worker::new(self.clone(), idle.pop().unwrap_or_default())
    }

    pub(super) fn put_back(&self, engines: Engines) {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push(engines);
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0.compiled.steps
    }
}

/// The text of a file that is not too large.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| format!("could not read it: {error}"))?.len();
    if length > MAX_FILE {
        return Err(format!("it has {length} bytes, {MAX_FILE} are allowed"));
    }
    std::fs::read_to_string(path).map_err(|error| format!("could not read it: {error}"))
}
