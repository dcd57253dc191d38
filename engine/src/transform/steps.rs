//! The steps of a chain, compiled.

use super::fields::FieldStep;
use super::javascript::{Script, ScriptInput, ScriptOutput};
use super::jq::{Program, Variables};
use super::json::Node;
use super::names::{RenameIndex, TypeRouting, check_index, data_stream};
use super::worker::{Engines, Item, Operation, Output};
use regex::Regex;
use std::borrow::Cow;
use std::sync::Arc;

/// One step, with the name that failures show.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: Arc<str>,
    pub(super) stage: Stage,
}

/// What a step does.
#[derive(Debug)]
pub(super) enum Stage {
    RenameIndex(RenameIndex),
    Types(TypeRouting),
    DropType,
    DataStream,
    Fields(FieldStep),
    Filter(Program),
    Jq(Program),
    JavaScript { number: usize, script: Arc<Script> },
    When(When),
}

/// Steps that some documents pass through only.
#[derive(Debug)]
pub(super) struct When {
    /// The index must match.
    pub(super) index: Option<Regex>,
    /// The program must hold.
    pub(super) program: Option<Program>,
    pub(super) steps: Vec<Step>,
}

/// A document on its way through the chain.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) index: Cow<'a, str>,
    pub(super) type_name: Option<Cow<'a, str>>,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) routing: Option<Cow<'a, str>>,
    parent: Option<&'a str>,
    operation: Operation,
    source: Cow<'a, [u8]>,
}

/// What comes of a document.
#[derive(Debug)]
pub(super) enum Next<'a> {
    One(Draft<'a>),
    /// None, when it is dropped, or several.
    Many(Vec<Draft<'a>>),
}

impl<'a> Draft<'a> {
    pub(super) fn new(item: Item<'a>) -> Self {
        Self {
            index: Cow::Borrowed(item.index),
            type_name: item.type_name.map(Cow::Borrowed),
            id: Some(Cow::Borrowed(item.id)),
            routing: item.routing.map(Cow::Borrowed),
            parent: item.parent,
            operation: Operation::Index,
            source: Cow::Borrowed(item.source),
        }
    }

    pub(super) fn into_output(self) -> Output<'a> {
        let Self { index, type_name, id, routing, parent, operation, source } = self;
        Output { index, type_name, id, routing, parent, op: operation, source }
    }

    fn variables(&self) -> Variables<'_> {
        [Some(&self.index), self.id.as_deref(), self.type_name.as_deref(), self.routing.as_deref()]
    }

    fn move_to(&mut self, index: String) -> Result<(), String> {
        if index != self.index {
            check_index(&index)?;
            self.index = Cow::Owned(index);
        }
        Ok(())
    }

    /// A document out of a script that was called with this one.
    fn derived(&self, output: ScriptOutput) -> Result<Self, String> {
        if output.index != self.index {
            check_index(&output.index)?;
        }
        Ok(Self {
            index: Cow::Owned(output.index),
            type_name: output.type_name.map(Cow::Owned),
            id: output.id.map(Cow::Owned),
            routing: output.routing.map(Cow::Owned),
            parent: self.parent,
            operation: output.operation,
            source: output.source.map_or_else(|| self.source.clone(), Cow::Owned),
        })
    }
}

impl Stage {
    /// Applies the step; a `When` is for the worker.
    pub(super) fn apply<'a>(&self, mut draft: Draft<'a>, engines: &mut Engines) -> Result<Next<'a>, String> {
        match self {
            Self::RenameIndex(rename) => {
                if let Some(index) = rename.apply(&draft.index) {
                    draft.move_to(index)?;
                }
            }
            Self::Types(routing) => {
                let Some(index) = routing.route(&draft.index, draft.type_name.as_deref()) else {
                    return Ok(Next::Many(Vec::new()));
                };
                draft.move_to(index)?;
                draft.type_name = None;
            }
            Self::DropType => draft.type_name = None,
            Self::DataStream => {
                if let Some(stream) = data_stream(&draft.index).map(str::to_owned) {
                    draft.move_to(stream)?;
                    draft.operation = Operation::Create;
                }
            }
            Self::Fields(step) => {
                if let Some(source) = changed_fields(step, &draft.source)? {
                    draft.source = Cow::Owned(source);
                }
            }
            Self::Filter(program) => {
                if !program.holds(&draft.source, draft.variables())? {
                    return Ok(Next::Many(Vec::new()));
                }
            }
            Self::Jq(program) => match program.rewrite(&draft.source, draft.variables())? {
                Some(source) => draft.source = Cow::Owned(source),
                None => return Ok(Next::Many(Vec::new())),
            },
            Self::JavaScript { number, script } => return call_script(draft, *number, script, engines),
            Self::When(_) => {}
        }
        Ok(Next::One(draft))
    }

    /// Whether the step looks at `_source`.
    pub(super) fn needs_document(&self) -> bool {
        match self {
            Self::RenameIndex(_) | Self::Types(_) | Self::DropType | Self::DataStream => false,
            Self::Fields(_) | Self::Filter(_) | Self::Jq(_) | Self::JavaScript { .. } => true,
            Self::When(when) => {
                when.program.is_some() || when.steps.iter().any(|step| step.stage.needs_document())
            }
        }
    }

    /// Where the documents of an index go after this step; `None` when it depends on the document.
    pub(super) fn rename(&self, index: String) -> Option<String> {
        match self {
            Self::RenameIndex(rename) => Some(rename.apply(&index).unwrap_or(index)),
            Self::Types(routing) => {
                (routing.keeps_index && !routing.fixed.contains_key(&index)).then_some(index)
            }
            Self::DataStream => Some(data_stream(&index).map_or(index.clone(), str::to_owned)),
            Self::DropType | Self::Fields(_) | Self::Filter(_) | Self::Jq(_) => Some(index),
            Self::JavaScript { .. } => None,
            Self::When(when) => when.rename(index),
        }
    }
}

impl When {
    /// Whether the document passes through the steps.
    pub(super) fn holds(&self, draft: &Draft<'_>) -> Result<bool, String> {
        let index_matches = self.index.as_ref().is_none_or(|regex| regex.is_match(&draft.index));
        match &self.program {
            Some(program) if index_matches => program.holds(&draft.source, draft.variables()),
            _ => Ok(index_matches),
        }
    }

    fn rename(&self, index: String) -> Option<String> {
        if self.index.as_ref().is_some_and(|regex| !regex.is_match(&index)) {
            return Some(index);
        }
        let renamed = self.steps.iter().try_fold(index.clone(), |index, step| step.stage.rename(index))?;
        (self.program.is_none() || renamed == index).then_some(renamed)
    }
}

/// The new `_source`; `None` when it stays as it is, white space included.
fn changed_fields(step: &FieldStep, source: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut document = Node::document(source).map_err(|error| format!("`_source` is {error}"))?;
    if !step.apply(&mut document)? {
        return Ok(None);
    }
    let mut changed = Vec::with_capacity(source.len());
    document.write(&mut changed);
    Ok(Some(changed))
}

fn call_script<'a>(
    draft: Draft<'a>,
    number: usize,
    script: &Script,
    engines: &mut Engines,
) -> Result<Next<'a>, String> {
    let input = ScriptInput {
        index: &draft.index,
        type_name: draft.type_name.as_deref(),
        id: draft.id.as_deref(),
        routing: draft.routing.as_deref(),
        operation: draft.operation,
        source: &draft.source,
    };
    let outputs = engines.call(number, script, |engine| engine.transform(input))?;
    let drafts = outputs.into_iter().map(|output| draft.derived(output));
    let mut drafts = drafts.collect::<Result<Vec<_>, _>>()?;
    Ok(match (drafts.pop(), drafts.is_empty()) {
        (Some(one), true) => Next::One(one),
        (last, _) => {
            drafts.extend(last);
            Next::Many(drafts)
        }
    })
}
