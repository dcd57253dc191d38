//! What `prelude.js` gives to the Rust side.

use rquickjs::function::IntoArgs;
use rquickjs::object::Property;
use rquickjs::{Ctx, FromJs, Function, Object, Result, Value};

/// The helpers live in a global that a script can neither change nor replace.
const GLOBAL: &str = "__ferry";
const TRANSFORM: &str = "__ferry_transform";

/// The helpers of a runtime.
#[derive(Debug, Clone)]
pub(super) struct Helpers<'js>(Object<'js>);

/// How an object is written as JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its own enumerable properties.
    Object,
    /// The entries of a map.
    Entries,
    /// A text, such as a date.
    Text,
    /// It has no form in JSON; the name of its class.
    Foreign(String),
}

impl<'js> Helpers<'js> {
    /// Keeps the helpers in the runtime, frozen.
    pub(super) fn install(ctx: &Ctx<'js>, helpers: Object<'js>) -> Result<()> {
        let freeze: Function<'js> = ctx.globals().get::<_, Object<'js>>("Object")?.get("freeze")?;
        let frozen: Value<'js> = freeze.call((helpers,))?;
        ctx.globals().prop(GLOBAL, Property::from(frozen))
    }

    /// Keeps the function that transforms documents.
    pub(super) fn install_transform(ctx: &Ctx<'js>, transform: Function<'js>) -> Result<()> {
        ctx.globals().prop(TRANSFORM, Property::from(transform))
    }

    /// The helpers of the runtime.
    pub(super) fn of(ctx: &Ctx<'js>) -> Result<Self> {
        ctx.globals().get(GLOBAL).map(Self)
    }

    /// The function that `main` of the script returned.
    pub(super) fn transform(ctx: &Ctx<'js>) -> Result<Function<'js>> {
        ctx.globals().get(TRANSFORM)
    }

    fn call<T: FromJs<'js>>(&self, name: &str, arguments: impl IntoArgs<'js>) -> Result<T> {
        self.0.get::<_, Function<'js>>(name)?.call(arguments)
    }

    /// The prototype of objects that are read from JSON.
    pub(super) fn record(&self) -> Result<Object<'js>> {
        self.0.get("record")
    }

    /// Gives the item a member that is read when the script asks for it.
    pub(super) fn prepare(&self, item: &Object<'js>, name: &str) -> Result<()> {
        self.call("prepare", (item.clone(), name))
    }

    /// Whether the script never asked for that member of the item.
    pub(super) fn is_untouched(&self, item: &Object<'js>, name: &str) -> Result<bool> {
        self.call("isUntouched", (item.clone(), name))
    }

    /// Lets the headers of a message be found in whatever case.
    pub(super) fn with_headers(&self, message: &Object<'js>) -> Result<()> {
        self.call("withHeaders", (message.clone(),))
    }

    /// How the object is written.
    pub(super) fn kind(&self, object: &Object<'js>) -> Result<Kind> {
        if object.get_prototype().as_ref() == Some(&self.record()?) {
            return Ok(Kind::Object);
        }
        let kind: String = self.call("kind", (object.clone(),))?;
        Ok(match kind.as_str() {
            "object" => Kind::Object,
            "entries" => Kind::Entries,
            "text" => Kind::Text,
            _ => Kind::Foreign(kind),
        })
    }

    /// Names and values of a map.
    pub(super) fn entries(&self, map: &Object<'js>) -> Result<(Vec<String>, Vec<Value<'js>>)> {
        let lists: rquickjs::Array<'js> = self.call("entries", (map.clone(),))?;
        Ok((lists.get(0)?, lists.get(1)?))
    }

    /// A date as text.
    pub(super) fn text(&self, date: &Object<'js>) -> Result<String> {
        self.call("text", (date.clone(),))
    }

    /// Digits as `BigInt`.
    pub(super) fn integer(&self, digits: &str) -> Result<Value<'js>> {
        self.call("integer", (digits,))
    }

    /// `BigInt` as digits.
    pub(super) fn digits(&self, integer: &Value<'js>) -> Result<String> {
        self.call("digits", (integer.clone(),))
    }
}
