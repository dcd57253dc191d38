//! One runtime of QuickJS with the script of the user in it.

use super::helpers::Helpers;
use super::item::{Collector, ScriptInput, ScriptOutput, list};
use super::limits::Limits;
use super::message::{self, Load, MessageOutput};
use super::read::{self, ReadError};
use super::write::WriteError;
use rquickjs::context::{EvalOptions, intrinsic};
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Exception, Function, Object, Runtime, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How much stack a script may take. Threads have 2 MiB.
const STACK_LIMIT: usize = 512 * 1024;
/// How large a buffer for `_source` stays for the next document.
const KEPT_SOURCE: usize = 1 << 20;
/// How much of an error of a script is kept.
const LONGEST_ERROR: usize = 500;

/// What a runtime has: the language, without clocks but `Date`. `Proxy`, which could hide the length of an array from the limits, is taken
/// away by `prelude.js`.
type Builtins = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
    intrinsic::WeakRef,
    intrinsic::Proxy,
);

/// A script as it is configured.
pub(crate) struct Script {
    /// The text.
    pub(crate) text: String,
    /// Name for positions in errors.
    pub(crate) name: String,
    /// What `main` is called with, as JSON.
    pub(crate) bindings: String,
    pub(crate) time_limit: Duration,
    /// In bytes.
    pub(crate) memory_limit: usize,
}

/// Text and bindings may hold secrets: they are not shown.
impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Script").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A runtime that has evaluated the script. It may move between threads, but works for one at a time.
pub(crate) struct Engine {
    context: Context,
    source: Arc<Mutex<Source>>,
    limits: Arc<Limits>,
}

/// What the script reads when it asks for it: `_source` of the document in work, or the payload of the request.
#[derive(Default)]
struct Source {
    text: Vec<u8>,
    /// Where the text comes from when it is not there yet.
    later: Option<Load>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What went wrong while a script ran.
#[derive(Debug)]
enum Trouble {
    Script(rquickjs::Error),
    Words(String),
    Time,
}

impl From<rquickjs::Error> for Trouble {
    fn from(error: rquickjs::Error) -> Self {
        Self::Script(error)
    }
}

impl From<WriteError> for Trouble {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Value(problem) => Self::Words(problem),
            WriteError::Script(error) => Self::Script(error),
            WriteError::Time => Self::Time,
        }
    }
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Json(error) => Self::Words(error.to_string()),
            ReadError::Script(error) => Self::Script(error),
            ReadError::Time => Self::Time,
        }
    }
}

impl Script {
    /// A new runtime: evaluates the script, calls `main`, and keeps the function that it returns.
    pub(crate) fn start(&self) -> Result<Engine, String> {
        let limits = Arc::new(Limits::new(self.time_limit, self.memory_limit));
        let new = || -> rquickjs::Result<Context> {
            let runtime = Runtime::new()?;
            runtime.set_memory_limit(self.memory_limit);
            runtime.set_max_stack_size(STACK_LIMIT);
            let watched = Arc::clone(&limits);
            runtime.set_interrupt_handler(Some(Box::new(move || watched.is_over())));
            Context::custom::<Builtins>(&runtime)
        };
        let context = new().map_err(|error| format!("the script engine cannot be started: {error}"))?;
        let engine = Engine { context, source: Arc::default(), limits };
        engine.run(|ctx| {
            install(ctx, &engine.source, &engine.limits)?;
            self.evaluate(ctx, &engine.limits)
        })?;
        Ok(engine)
    }

    fn evaluate<'js>(&self, ctx: &Ctx<'js>, limits: &Limits) -> Result<(), Trouble> {
        let mut options = EvalOptions::default();
        options.strict = false;
        options.filename = Some(self.name.clone());
        let value: Value<'js> = ctx.eval_with_options(self.text.as_str(), options)?;
        let helpers = Helpers::of(ctx)?;
        let context = read::from_json(ctx, &helpers, self.bindings.as_bytes(), limits)?;
        let main = value.into_function().ok_or_else(|| {
            Trouble::Words(
                "the value of the script is not a function: its last line should be `main`".to_owned(),
            )
        })?;
        let transform: Value<'js> = main.call((context,))?;
        let transform = transform.into_function().ok_or_else(|| {
            Trouble::Words("`main(context)` did not return the function that transforms documents".to_owned())
        })?;
        Ok(Helpers::install_transform(ctx, transform)?)
    }
}

/// Evaluates `prelude.js`.
fn install<'js>(ctx: &Ctx<'js>, source: &Arc<Mutex<Source>>, limits: &Arc<Limits>) -> Result<(), Trouble> {
    let (source, watched) = (Arc::clone(source), Arc::clone(limits));
    let load = Function::new(ctx.clone(), move |ctx: Ctx<'js>| -> rquickjs::Result<Value<'js>> {
        let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
        let what = if source.later.is_some() { "the payload" } else { "`_source`" };
        if let Some(later) = source.later.clone().filter(|_| source.text.is_empty()) {
            source.text = later().map_err(|problem| Exception::throw_type(&ctx, &problem))?;
        }
        let helpers = Helpers::of(&ctx)?;
        read::from_json(&ctx, &helpers, &source.text, &watched).map_err(|error| match error {
            ReadError::Script(error) => error,
            ReadError::Json(error) => Exception::throw_type(&ctx, &format!("{what} is {error}")),
            ReadError::Time => Exception::throw_type(&ctx, &format!("reading {what} takes too long")),
        })
    })?;
    let log = Function::new(ctx.clone(), |level: String, line: String| {
        let line = crate::transform::shortened(&line, LONGEST_ERROR);
        tracing::debug!(target: "ferry::transform::script", %level, "{line}");
    })?;
    // A value takes 16 bytes: no array that is in memory is longer.
    let longest = limits.memory / 16;
    let longest = u32::try_from(longest).unwrap_or(u32::MAX);
    let prelude: Function<'js> = ctx.eval(include_str!("prelude.js"))?;
    let helpers: Object<'js> = prelude.call((load, log, f64::from(longest)))?;
    Ok(Helpers::install(ctx, helpers)?)
}

impl Engine {
    /// Calls the script with one document. After an error the runtime must not be used again.
    pub(crate) fn transform(&self, input: ScriptInput<'_>) -> Result<Vec<ScriptOutput>, String> {
        {
            let mut source = self.lock();
            source.text.clear();
            source.text.extend_from_slice(input.source);
        }
        let outputs = self.run(|ctx| {
            let helpers = Helpers::of(ctx)?;
            let list = list(ctx, &helpers, input)?;
            let value: Value<'_> = Helpers::transform(ctx)?.call((list,))?;
            let value = settled(ctx, value, &self.limits)?;
            let limits = &self.limits;
            let mut collector =
                Collector { helpers: &helpers, limits, source: input.source, outputs: Vec::new() };
            collector.collect(&value, 0)?;
            Ok(collector.outputs)
        });
        self.forget();
        outputs
    }

    /// Calls the script with the message of one request, a JSON object without its payload; `None` drops the request. After an error
    /// the runtime must not be used again.
    pub(crate) fn transform_message(
        &self,
        message: &[u8],
        payload: Load,
    ) -> Result<Option<MessageOutput>, String> {
        self.lock().later = Some(payload);
        let output = self.run(|ctx| {
            let helpers = Helpers::of(ctx)?;
            let message = message::prepare(ctx, &helpers, message, &self.limits)?;
            let value: Value<'_> = Helpers::transform(ctx)?.call((message,))?;
            let value = settled(ctx, value, &self.limits)?;
            let payload = std::mem::take(&mut self.lock().text); // not held: writing may run getters of the script
            Ok(message::collect(&helpers, &self.limits, &value, &payload)?)
        });
        self.forget();
        output
    }

    fn lock(&self) -> MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self) {
        let mut source = self.lock();
        source.text.clear();
        source.text.shrink_to(KEPT_SOURCE); // one large document must not hold its memory for ever
        source.later = None;
    }

    fn run<T>(&self, work: impl FnOnce(&Ctx<'_>) -> Result<T, Trouble>) -> Result<T, String> {
        self.limits.start();
        self.context.with(|ctx| {
            let result = work(&ctx);
            match result {
                _ if self.limits.was_over() => {
                    ctx.catch();
                    Err(self.out_of_time())
                }
                Ok(value) => Ok(value),
                Err(Trouble::Words(problem)) => Err(problem),
                Err(Trouble::Time) => Err(self.out_of_time()),
                Err(Trouble::Script(rquickjs::Error::Exception | rquickjs::Error::Unknown)) => {
                    let words = self.describe(&ctx); // which may run getters of the script
                    Err(if self.limits.was_over() { self.out_of_time() } else { words })
                }
                Err(Trouble::Script(rquickjs::Error::Utf8(_))) => {
                    Err("the result has a text that is not Unicode: half of a surrogate pair".to_owned())
                }
                Err(Trouble::Script(error)) => {
                    Err(crate::transform::shortened(&error.to_string(), 500).into_owned())
                }
            }
        })
    }

    fn out_of_time(&self) -> String {
        format!("the script took longer than {} ms", self.limits.time.as_millis())
    }

    /// The exception that is pending, in words.
    fn describe(&self, ctx: &Ctx<'_>) -> String {
        let thrown = ctx.catch();
        let words = match thrown.as_object().filter(|object| object.is_error()) {
            Some(error) => {
                let get = |name: &str| error.get::<_, String>(name).unwrap_or_default();
                let (name, message, stack) = (get("name"), get("message"), get("stack"));
                let place = stack.lines().next().map(str::trim).unwrap_or_default();
                let place = place.strip_prefix("at ").unwrap_or(place);
                match place {
                    "" => format!("{name}: {message}"),
                    place => format!("{name}: {message} (at {place})"),
                }
            }
            None => match thrown.as_string().and_then(|text| text.to_string().ok()) {
                Some(text) => format!("the script threw `{text}`"),
                None => format!("the script threw {}", super::write::describe(&thrown)),
            },
        };
        if words.contains("out of memory") || thrown.is_null() {
            return format!("the script needs more than {} MiB of memory", self.limits.memory >> 20);
        }
        crate::transform::shortened(&words, LONGEST_ERROR).into_owned()
    }
}

/// The value that a promise comes to; any other value as it is. Jobs that wait are run.
fn settled<'js>(ctx: &Ctx<'js>, value: Value<'js>, limits: &Limits) -> Result<Value<'js>, Trouble> {
    let promise = value.as_promise().cloned();
    while !limits.is_over() && ctx.execute_pending_job() {}
    let Some(promise) = promise else { return Ok(value) };
    match promise.state() {
        PromiseState::Pending => Err(Trouble::Words("the promise of the script is never settled".to_owned())),
        _ => promise.result().unwrap_or(Err(rquickjs::Error::WouldBlock)).map_err(Trouble::Script),
    }
}
