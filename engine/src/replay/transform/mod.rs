//! Changes requests on their way: steps out of a file, applied to one request at a time.

mod compile;
mod config;
mod draft;
mod steps;

#[cfg(test)]
mod tests;

pub(crate) use draft::Draft;

use super::headers::{Headers, without_secrets};
use super::request::Outgoing;
use super::route::Route;
use super::sanitise::Fate;
use super::select::Narrowed;
use crate::transform::jq::Variables;
use crate::transform::worker::Engines;
use crate::transform::{ConfigError, Failure};
use compile::{Compiled, compile};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use steps::{Stage, Step};

/// Transforms of requests. Clones share them, and they may be used from many threads.
#[derive(Clone, Default)]
pub struct RequestTransforms(Arc<Inner>);

#[derive(Default)]
struct Inner {
    compiled: Compiled,
    /// Engines that nobody uses now: at most as many as there were threads at once.
    idle: Mutex<Vec<Engines>>,
}

/// Values and scripts of the file may be secrets: they are not shown.
impl fmt::Debug for RequestTransforms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.steps().iter().map(|step| &step.name);
        f.debug_tuple("RequestTransforms").field(&names.collect::<Vec<_>>()).finish()
    }
}

/// A request after the transforms.
#[derive(Debug)]
pub struct Transformed {
    /// The request; the one that was given when it is not to be sent, or when a step failed.
    pub request: Outgoing,
    /// What became of it.
    pub status: TransformStatus,
    /// Positions in the captured request of the items of a bulk request, or of the searches of `_msearch`, that were dropped; in ascending
    /// order. Those that a script or a program leaves out are not known.
    pub dropped_items: Vec<usize>,
}

/// What became of a request in the transforms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransformStatus {
    /// It is as it was.
    Unchanged,
    /// It is another one.
    Transformed,
    /// A step dropped it on purpose: it is not to be sent.
    Dropped {
        /// The step: its position, its name, its line in the file.
        step: Arc<str>,
    },
    /// A step failed.
    Failed(Failure),
}

impl TransformStatus {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Transformed => "transformed",
            Self::Dropped { .. } => "dropped",
            Self::Failed(_) => "failed",
        }
    }
}

impl RequestTransforms {
    /// Reads a file of transforms, YAML or JSON. Scripts that it names are looked for beside it.
    ///
    /// # Errors
    ///
    /// What cannot be understood, with its place.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = crate::transform::read(path).map_err(|problem| ConfigError::general(&name, problem))?;
        compile(&name, &text, path.parent().unwrap_or(Path::new(""))).map(Self::new)
    }

    /// Reads the text of a file of transforms. Scripts that it names are looked for in the working directory.
    ///
    /// # Errors
    ///
    /// What cannot be understood, with its place.
    pub fn from_text(name: &str, text: &str) -> Result<Self, ConfigError> {
        compile(name, text, Path::new("")).map(Self::new)
    }

    fn new(compiled: Compiled) -> Self {
        Self(Arc::new(Inner { compiled, idle: Mutex::default() }))
    }

    fn steps(&self) -> &[Step] {
        &self.0.compiled.steps
    }

    /// SHA-256 of the file and of the scripts that it names, in hexadecimal; empty without a file.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.0.compiled.digest
    }

    /// Whether there is no step at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps().is_empty()
    }

    /// Whether a step runs a program or a script, or rewrites bodies: [`Self::apply`] may then take as long as their limits allow, and
    /// belongs on a thread that may be blocked.
    #[must_use]
    pub fn computes(&self) -> bool {
        self.steps().iter().any(|step| step.stage.computes())
    }

    /// Applies the steps to a request.
    #[must_use]
    pub fn apply(&self, request: Outgoing) -> Transformed {
        self.apply_narrowed(Narrowed { request, left_out: Vec::new() })
    }

    /// Applies the steps to a request that was narrowed to some of its items.
    #[must_use]
    pub fn apply_narrowed(&self, Narrowed { request, left_out }: Narrowed) -> Transformed {
        if self.is_empty() {
            return Transformed { request, status: TransformStatus::Unchanged, dropped_items: left_out };
        }
        let mut engines = self.idle().pop().unwrap_or_default();
        let result = self.run(Draft::new(request.clone(), left_out), &mut engines);
        self.idle().push(engines);
        let unsent = |status| (request.clone(), status, Vec::new());
        let (request, status, dropped_items) = match result {
            Err(Unsent::Dropped(step)) => unsent(TransformStatus::Dropped { step }),
            Err(Unsent::Failed(Failure { transform, reason })) => {
                let reason = without_secrets(reason, &request.headers);
                unsent(TransformStatus::Failed(Failure { transform, reason }))
            }
            Ok((new, dropped)) if is_same(&new, &request) => (new, TransformStatus::Unchanged, dropped),
            Ok((new, dropped)) => (new, TransformStatus::Transformed, dropped),
        };
        Transformed { request, status, dropped_items }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Engines>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut draft: Draft, engines: &mut Engines) -> Result<(Outgoing, Vec<usize>), Unsent> {
        run_steps(self.steps(), &mut draft, engines)?;
        draft.finish().map_err(|reason| {
            let transform = Arc::from("at the end");
            Unsent::Failed(Failure { transform, reason })
        })
    }
}

/// Why a request does not go on.
enum Unsent {
    Dropped(Arc<str>),
    Failed(Failure),
}

fn run_steps(steps: &[Step], draft: &mut Draft, engines: &mut Engines) -> Result<(), Unsent> {
    for step in steps {
        let fail = |reason| Unsent::Failed(Failure { transform: Arc::clone(&step.name), reason });
        if let Stage::When(when) = &step.stage {
            if when.holds(draft).map_err(fail)? {
                run_steps(&when.steps, draft, engines)?;
            }
            continue;
        }
        match step.stage.apply(draft, engines).map_err(fail)? {
            Fate::Sent => {}
            Fate::Dropped => return Err(Unsent::Dropped(Arc::clone(&step.name))),
        }
    }
    Ok(())
}

/// Whether two requests are the same; a body that is the same bytes in the same place is not compared.
fn is_same(new: &Outgoing, old: &Outgoing) -> bool {
    let same_place = new.body.as_ptr() == old.body.as_ptr() && new.body.len() == old.body.len();
    new.method == old.method
        && new.target == old.target
        && new.version == old.version
        && new.headers == old.headers
        && (same_place || new.body == old.body)
}

/// Adds to the user agent of the client, as the Java replayer does: `; ` and the text, or the text alone where there is none.
pub(crate) fn user_agent(headers: &mut Headers, text: &str) {
    let new = match headers.text("user-agent") {
        Some(old) => format!("{old}; {text}"),
        None => text.to_owned(),
    };
    headers.set("User-Agent", new);
}

/// Calls `run` with what programs know of a request besides its message.
pub(crate) fn with_variables<T>(route: &Route<'_>, run: impl FnOnce(Variables<'_>) -> T) -> T {
    let index = (!route.indices.is_empty()).then(|| route.indices.join(","));
    run([index.as_deref(), route.id.as_deref(), Some(route.endpoint), Some(route.class.name())])
}
