//! The steps of a file of request transforms, compiled.

use super::super::message::{self, Spelling, UNREAD, payload};
use super::super::route::{Route, RouteClass};
use super::super::sanitise::{Fate, Mapping, sanitise};
use super::draft::Draft;
use crate::transform::javascript::{Load, PayloadOutput, Script};
use crate::transform::jq::Program;
use crate::transform::json::{Token, Tokens};
use crate::transform::names::Rewrite;
use crate::transform::worker::Engines;
use regex::Regex;
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
    SetHeaders(Vec<(String, String)>),
    AppendHeaders(Vec<(String, String)>),
    RemoveHeaders(Vec<String>),
    UserAgent(String),
    RewriteUri(Rewrite),
    Map(Mapping),
    Filter(Program),
    Jq(Program),
    JavaScript { number: usize, script: Arc<Script> },
    When(When),
}

/// Steps that some requests pass through only.
#[derive(Debug)]
pub(super) struct When {
    pub(super) methods: Vec<String>,
    pub(super) endpoints: Vec<String>,
    pub(super) class: Option<RouteClass>,
    pub(super) index: Option<Regex>,
    pub(super) program: Option<Program>,
    pub(super) steps: Vec<Step>,
}

impl Stage {
    /// Applies the step; a `When` is for whoever runs steps.
    pub(super) fn apply(&self, draft: &mut Draft, engines: &mut Engines) -> Result<Fate, String> {
        let headers = &mut draft.request.headers;
        match self {
            Self::SetHeaders(pairs) => {
                pairs.iter().for_each(|(name, value)| headers.set(name, value.clone()));
            }
            Self::AppendHeaders(pairs) => {
                pairs.iter().for_each(|(name, value)| headers.append(name, value.clone()));
            }
            Self::RemoveHeaders(names) => names.iter().for_each(|name| {
                headers.remove(name);
            }),
            Self::UserAgent(text) => super::user_agent(headers, text),
            Self::RewriteUri(rewrite) => {
                if let Some(target) = rewrite.apply(&draft.request.target) {
                    message::check_line(&draft.request.method, &target)?;
                    draft.request.target = target;
                }
            }
            Self::Map(mapping) => return sanitise(draft, mapping),
            Self::Filter(program) => {
                if !holds(program, draft)? {
                    return Ok(Fate::Dropped);
                }
            }
            Self::Jq(program) => return run_jq(program, draft),
            Self::JavaScript { number, script } => return call_script(*number, script, draft, engines),
            Self::When(_) => {}
        }
        Ok(Fate::Sent)
    }

    /// Whether the step takes more than a few microseconds.
    pub(super) fn computes(&self) -> bool {
        match self {
            Self::SetHeaders(_) | Self::AppendHeaders(_) | Self::RemoveHeaders(_) => false,
            Self::UserAgent(_) | Self::RewriteUri(_) => false,
            Self::Map(_) | Self::Filter(_) | Self::Jq(_) | Self::JavaScript { .. } => true,
            Self::When(when) => when.program.is_some() || when.steps.iter().any(|step| step.stage.computes()),
        }
    }
}

impl When {
    /// Whether the request passes through the steps.
    pub(super) fn holds(&self, draft: &Draft) -> Result<bool, String> {
        let request = &draft.request;
        let route = Route::of(request);
        let among = |list: &[String], found: &str| list.is_empty() || list.iter().any(|known| known == found);
        let matches_index =
            self.index.as_ref().is_none_or(|regex| route.indices.iter().any(|index| regex.is_match(index)));
        let is_meant = among(&self.methods, &request.method)
            && among(&self.endpoints, route.endpoint)
            && self.class.is_none_or(|class| class == route.class)
            && matches_index;
        match &self.program {
            Some(program) if is_meant => holds(program, draft),
            _ => Ok(is_meant),
        }
    }
}

/// The message for a program, and the payload in it.
fn message_for(program: &Program, draft: &Draft) -> Result<(Vec<u8>, Vec<u8>), String> {
    let payload = match program.looks_at_payload() {
        true => draft.body().payload(draft.request.headers.text("content-type"))?,
        false => UNREAD.to_vec(),
    };
    let head = message::head(&draft.request, Spelling::Small);
    Ok((message::with_payload(head, &payload), payload))
}

/// Whether a program holds for the request.
fn holds(program: &Program, draft: &Draft) -> Result<bool, String> {
    let (message, _) = message_for(program, draft)?;
    super::with_variables(&Route::of(&draft.request), |variables| program.holds(&message, variables))
}

fn run_jq(program: &Program, draft: &mut Draft) -> Result<Fate, String> {
    let (message, payload) = message_for(program, draft)?;
    let route = Route::of(&draft.request);
    let Some(result) = super::with_variables(&route, |variables| program.rewrite(&message, variables))?
    else {
        return Ok(Fate::Dropped);
    };
    let Some(changed) = message::read(&draft.request, &result)? else { return Ok(Fate::Dropped) };
    match changed.payload {
        Some(new) if new == payload => {} // not looked at, or not changed
        Some(new) => write(draft, &new)?,
        None => draft.write(Vec::new()),
    }
    draft.request = changed.request;
    Ok(Fate::Sent)
}

fn call_script(
    number: usize,
    script: &Script,
    draft: &mut Draft,
    engines: &mut Engines,
) -> Result<Fate, String> {
    let head = message::head(&draft.request, Spelling::AsSent);
    let content_type = draft.request.headers.text("content-type").map(str::to_owned);
    let body = Arc::clone(draft.body());
    let load: Load = Arc::new(move || body.payload(content_type.as_deref()));
    let output = engines.call(number, script, |engine| engine.transform_message(&head, load))?;
    let Some(output) = output else { return Ok(Fate::Dropped) };
    let Some(changed) = message::read(&draft.request, &output.head)? else { return Ok(Fate::Dropped) };
    match output.payload {
        PayloadOutput::Untouched => {}
        PayloadOutput::Removed => draft.write(Vec::new()),
        PayloadOutput::Object(payload) => write(draft, &payload)?,
    }
    draft.request = changed.request;
    Ok(Fate::Sent)
}

/// Gives the request the body of a payload, unless it has it already.
fn write(draft: &mut Draft, payload: &[u8]) -> Result<(), String> {
    let plain = draft.body().plain()?;
    let body = payload::to_body(payload, plain)?;
    if !says_the_same(plain, &body) {
        draft.write(body);
    }
    Ok(())
}

/// Whether two texts are equal, or JSON of the same tokens: white space alone is no change.
fn says_the_same(old: &[u8], new: &[u8]) -> bool {
    let (mut old_tokens, mut new_tokens) = (Tokens::new(old), Tokens::new(new));
    loop {
        match (old_tokens.next(), new_tokens.next()) {
            (Ok(Token::End), Ok(Token::End)) => return true,
            (Ok(one), Ok(other)) if one == other => {}
            _ => return old == new,
        }
    }
}
