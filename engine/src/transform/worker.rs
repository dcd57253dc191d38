//! Applies a chain to documents, one at a time.

use super::chain::Chain;
use super::javascript::{Engine, Script};
use super::steps::{Draft, Next, Stage, Step};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

/// How many documents may come of one.
const MAX_OUTPUTS: usize = 10_000;

/// What is done with a document at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Operation {
    /// Write it, over one of the same `_id`.
    #[default]
    Index,
    /// Write it if there is none of the same `_id`: what data streams ask for.
    Create,
}

/// A document before the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// The index that it is in.
    pub index: &'a str,
    /// `_type`, for indices made before Elasticsearch 6.
    pub type_name: Option<&'a str>,
    /// `_id`
    pub id: &'a str,
    /// `_routing`, where the document was routed by more than its id.
    pub routing: Option<&'a str>,
    /// `_parent`, for indices made before Elasticsearch 6.
    pub parent: Option<&'a str>,
    /// `_source` as JSON. It may have more than one line.
    pub source: &'a [u8],
}

/// A document after the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output<'a> {
    /// The index that it goes to.
    pub index: Cow<'a, str>,
    /// `_type`, if it still has one.
    pub type_name: Option<Cow<'a, str>>,
    /// `_id`; `None` leaves it to the target to make one.
    pub id: Option<Cow<'a, str>>,
    /// `_routing`
    pub routing: Option<Cow<'a, str>>,
    /// `_parent`: no step changes it.
    pub parent: Option<&'a str>,
    /// What is done at the target.
    pub op: Operation,
    /// `_source` as JSON: the bytes of the item where no step changed it. It may have more than one line.
    pub source: Cow<'a, [u8]>,
}

/// A document that a step could not transform: it belongs to the failed documents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("transform {transform}: {reason}")]
pub struct Failure {
    /// The step: its position, its name, its line in the file.
    pub transform: Arc<str>,
    /// What is wrong with the document, or with what the step made of it.
    pub reason: String,
}

/// Applies a [`Chain`]; has the script engines that the chain needs, which are for one thread at a time.
///
/// It is `Send`. It comes from a pool in the chain and goes back to it when it is dropped, so taking one for
/// each block of documents costs next to nothing, from whatever thread.
#[derive(Debug)]
pub struct Worker {
    chain: Chain,
    engines: Engines,
}

/// For each script of a chain, its engine; none before the first document, and after an error.
#[derive(Debug, Default)]
pub(crate) struct Engines(Vec<Option<Engine>>);

impl Engines {
    /// Calls a script. After an error its engine is given up: what the script left behind is unknown.
    pub(crate) fn call<T>(
        &mut self,
        number: usize,
        script: &Script,
        work: impl FnOnce(&Engine) -> Result<T, String>,
    ) -> Result<T, String> {
        if self.0.len() <= number {
            self.0.resize_with(number.saturating_add(1), || None);
        }
        let Some(place) = self.0.get_mut(number) else {
            return Err("the script has no engine".to_owned());
        };
        let engine = match place.take() {
            Some(engine) => engine,
            None => script.start()?,
        };
        let outputs = work(&engine)?;
        *place = Some(engine);
        Ok(outputs)
    }
}

impl Worker {
    pub(super) const fn new(chain: Chain, engines: Engines) -> Self {
        Self { chain, engines }
    }

    /// Applies the chain to one document: `out` gets what comes of it, which may be nothing when a step drops the
    /// document on purpose. On a failure `out` gets nothing.
    pub fn apply(&mut self, item: Item<'_>, out: &mut impl FnMut(Output<'_>)) -> Result<(), Failure> {
        let chain = self.chain.clone();
        let mut many = Vec::new();
        if let Some(draft) = self.run(chain.steps(), Draft::new(item), &mut many)? {
            out(draft.into_output());
        } else {
            refuse_twins(&many)?;
            many.into_iter().for_each(|(draft, _)| out(draft.into_output()));
        }
        Ok(())
    }

    /// Runs steps until the end, or until one makes several documents of it, which then go to `many`.
    fn run<'a>(
        &mut self,
        steps: &[Step],
        mut draft: Draft<'a>,
        many: &mut Vec<(Draft<'a>, Arc<str>)>,
    ) -> Result<Option<Draft<'a>>, Failure> {
        for (position, step) in steps.iter().enumerate() {
            let fail = |reason| Failure { transform: Arc::clone(&step.name), reason };
            if let Stage::When(when) = &step.stage {
                if !when.holds(&draft).map_err(fail)? {
                    continue;
                }
                let mut inner = Vec::new();
                match self.run(&when.steps, draft, &mut inner)? {
                    Some(one) => draft = one,
                    None => return self.run_each(steps, position, inner, many),
                }
                continue;
            }
            match step.stage.apply(draft, &mut self.engines).map_err(fail)? {
                Next::One(one) => draft = one,
                Next::Many(drafts) => {
                    let drafts = drafts.into_iter().map(|draft| (draft, Arc::clone(&step.name))).collect();
                    return self.run_each(steps, position, drafts, many);
                }
            }
        }
        Ok(Some(draft))
    }

    /// Runs the steps after `position` on each of several documents.
    fn run_each<'a>(
        &mut self,
        steps: &[Step],
        position: usize,
        drafts: Vec<(Draft<'a>, Arc<str>)>,
        many: &mut Vec<(Draft<'a>, Arc<str>)>,
    ) -> Result<Option<Draft<'a>>, Failure> {
        let rest = steps.get(position.saturating_add(1)..).unwrap_or_default();
        for (draft, maker) in drafts {
            if many.len() >= MAX_OUTPUTS {
                let reason = format!("more than {MAX_OUTPUTS} documents come of one");
                return Err(Failure { transform: maker, reason });
            }
            if let Some(draft) = self.run(rest, draft, many)? {
                many.push((draft, maker));
            }
        }
        Ok(None)
    }
}

/// Two documents with one `_id` in one index: the second would take the place of the first.
fn refuse_twins(drafts: &[(Draft<'_>, Arc<str>)]) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for (draft, maker) in drafts {
        let Some(id) = &draft.id else { continue };
        if !seen.insert((&*draft.index, &**id)) {
            let index = &draft.index;
            let reason = format!("it makes two documents with the `_id` `{id}` for the index `{index}`");
            return Err(Failure { transform: Arc::clone(maker), reason });
        }
    }
    Ok(())
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.chain.put_back(std::mem::take(&mut self.engines));
    }
}
