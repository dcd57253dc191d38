//! A JSON document as a tree that is opened only where a step looks: everything else stays text.

use super::text;
use super::token::{JsonError, Token, Tokens};
use std::borrow::Cow;

/// How deep objects and arrays may be nested.
pub(crate) const MAX_DEPTH: usize = 1000;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node<'a> {
    /// As it stands in the text, not looked into.
    Text(Cow<'a, [u8]>),
    /// An array that was opened.
    Array(Vec<Node<'a>>),
    /// An object that was opened: order and duplicate names are kept.
    Object(Vec<Member<'a>>),
}

/// One name and value of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    /// The name as it stands, with quotes.
    pub(crate) name: Cow<'a, [u8]>,
    pub(crate) value: Node<'a>,
}

impl Member<'_> {
    /// A new member.
    pub(crate) fn new<'a>(name: &str, value: Node<'a>) -> Member<'a> {
        Member { name: Cow::Owned(quoted(name)), value }
    }

    /// Whether this is the name.
    pub(crate) fn is(&self, name: &str) -> bool {
        text::means(&self.name, name)
    }
}

/// A name as JSON.
pub(crate) fn quoted(name: &str) -> Vec<u8> {
    let mut token = Vec::with_capacity(name.len() + 2);
    text::encode(name, &mut token);
    token
}

impl<'a> Node<'a> {
    /// The document, checked from end to end but not opened: one object, nested no deeper than [`MAX_DEPTH`].
    pub(crate) fn document(source: &'a [u8]) -> Result<Self, JsonError> {
        let mut tokens = Tokens::new(source);
        tokens.skip_space()?;
        let start = tokens.offset();
        let first = tokens.clone().next()?;
        if first != Token::BeginObject {
            return Err(tokens.unexpected(start, "an object", first));
        }
        check_value(&mut tokens)?;
        let value = tokens.text_since(start);
        tokens.skip_space()?;
        let end = tokens.offset();
        match tokens.next()? {
            Token::End => Ok(Self::Text(Cow::Borrowed(value))),
            found => Err(tokens.unexpected(end, "the end of the text", found)),
        }
    }

    /// The members, when this is an object.
    pub(crate) fn open_object(&mut self) -> Option<&mut Vec<Member<'a>>> {
        if self.first_byte() == Some(b'{') {
            *self = Self::Object(match self {
                Self::Text(Cow::Borrowed(text)) => split_object(text),
                Self::Text(Cow::Owned(text)) => owned_members(split_object(text)),
                _ => return None,
            });
        }
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The elements, when this is an array.
    pub(crate) fn open_array(&mut self) -> Option<&mut Vec<Node<'a>>> {
        if self.first_byte() == Some(b'[') {
            *self = Self::Array(match self {
                Self::Text(Cow::Borrowed(text)) => split_array(text),
                Self::Text(Cow::Owned(text)) => split_array(text).into_iter().map(Node::into_owned).collect(),
                _ => return None,
            });
        }
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.first_byte() == Some(b'n')
    }

    fn first_byte(&self) -> Option<u8> {
        match self {
            Self::Text(text) => text.first().copied(),
            _ => None,
        }
    }

    /// Appends the value; what was not opened exactly as it stood, the rest without white space.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => out.extend_from_slice(text),
            Self::Array(elements) => {
                write_list(out, [b'[', b']'], elements, |element, out| element.write(out));
            }
            Self::Object(members) => write_list(out, [b'{', b'}'], members, |member, out| {
                out.extend_from_slice(&member.name);
                out.push(b':');
                member.value.write(out);
            }),
        }
    }

    fn into_owned<'b>(self) -> Node<'b> {
        match self {
            Self::Text(text) => Node::Text(Cow::Owned(text.into_owned())),
            Self::Array(elements) => Node::Array(elements.into_iter().map(Node::into_owned).collect()),
            Self::Object(members) => Node::Object(owned_members(members)),
        }
    }
}

fn owned_members<'b>(members: Vec<Member<'_>>) -> Vec<Member<'b>> {
    let owned = |member: Member<'_>| Member {
        name: Cow::Owned(member.name.into_owned()),
        value: member.value.into_owned(),
    };
    members.into_iter().map(owned).collect()
}

fn write_list<T>(out: &mut Vec<u8>, brackets: [u8; 2], items: &[T], write: impl Fn(&T, &mut Vec<u8>)) {
    let [begin, end] = brackets;
    out.push(begin);
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(end);
}

/// Passes over one value, and checks it. Nesting is counted, not recursed into.
pub(crate) fn check_value(tokens: &mut Tokens<'_>) -> Result<(), JsonError> {
    let mut open: Vec<bool> = Vec::new(); // for each level, whether it is an object
    loop {
        tokens.skip_space()?;
        let start = tokens.offset();
        let mut is_complete = true;
        match tokens.next()? {
            Token::String(_) | Token::Number(_) | Token::Word(_) => {}
            begin @ (Token::BeginObject | Token::BeginArray) => {
                if open.len() >= MAX_DEPTH {
                    return Err(tokens.error(start, format!("nested deeper than {MAX_DEPTH}")));
                }
                open.push(begin == Token::BeginObject);
                is_complete = begins_empty(tokens, begin == Token::BeginObject)?;
                if is_complete {
                    open.pop();
                }
            }
            found => return Err(tokens.unexpected(start, "a value", found)),
        }
        if is_complete && closes_all(tokens, &mut open)? {
            return Ok(());
        }
    }
}

/// After the begin of an object or array: passes its end when it is empty, else the first name of an object.
fn begins_empty(tokens: &mut Tokens<'_>, is_object: bool) -> Result<bool, JsonError> {
    let mut ahead = tokens.clone();
    let end = if is_object { Token::EndObject } else { Token::EndArray };
    if ahead.next()? == end {
        *tokens = ahead;
        return Ok(true);
    }
    if is_object {
        name_and_colon(tokens)?;
    }
    Ok(false)
}

/// After a value: passes what closes, up to the next value. True when everything is closed.
fn closes_all(tokens: &mut Tokens<'_>, open: &mut Vec<bool>) -> Result<bool, JsonError> {
    while let Some(is_object) = open.last().copied() {
        tokens.skip_space()?;
        let start = tokens.offset();
        match (tokens.next()?, is_object) {
            (Token::Comma, true) => {
                name_and_colon(tokens)?;
                return Ok(false);
            }
            (Token::Comma, false) => return Ok(false),
            (Token::EndObject, true) | (Token::EndArray, false) => drop(open.pop()),
            (found, true) => return Err(tokens.unexpected(start, "`,` or `}`", found)),
            (found, false) => return Err(tokens.unexpected(start, "`,` or `]`", found)),
        }
    }
    Ok(true)
}

/// The name of a member, and the colon after it.
pub(crate) fn name_and_colon<'a>(tokens: &mut Tokens<'a>) -> Result<&'a [u8], JsonError> {
    tokens.skip_space()?;
    let start = tokens.offset();
    let name = match tokens.next()? {
        Token::String(name) => name,
        found => return Err(tokens.unexpected(start, "a name", found)),
    };
    tokens.skip_space()?;
    let start = tokens.offset();
    match tokens.next()? {
        Token::Colon => Ok(name),
        found => Err(tokens.unexpected(start, "`:`", found)),
    }
}

/// The members of an object that [`Node::document`] has checked.
fn split_object(text: &[u8]) -> Vec<Member<'_>> {
    let mut tokens = Tokens::new(text);
    let mut members = Vec::new();
    loop {
        match tokens.next() {
            Ok(Token::BeginObject | Token::Comma) => {}
            _ => return members,
        }
        let mut ahead = tokens.clone();
        let Ok(name) = name_and_colon(&mut ahead) else { return members };
        tokens = ahead;
        let Some(value) = split_value(&mut tokens) else { return members };
        members.push(Member { name: Cow::Borrowed(name), value });
    }
}

/// The elements of an array that [`Node::document`] has checked.
fn split_array(text: &[u8]) -> Vec<Node<'_>> {
    let mut tokens = Tokens::new(text);
    let mut elements = Vec::new();
    while let Ok(Token::BeginArray | Token::Comma) = tokens.next() {
        let Some(value) = split_value(&mut tokens) else { break };
        elements.push(value);
    }
    elements
}

fn split_value<'a>(tokens: &mut Tokens<'a>) -> Option<Node<'a>> {
    tokens.skip_space().ok()?;
    let start = tokens.offset();
    check_value(tokens).ok()?;
    Some(Node::Text(Cow::Borrowed(tokens.text_since(start))))
}
