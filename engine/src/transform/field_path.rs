//! Names of fields: dotted as Elasticsearch writes them, or as JSON pointers.

/// How many names a path may have.
const MAX_NAMES: usize = 32;

/// The place of a field in a document.
///
/// | form | names | finds |
/// |---|---|---|
/// | dotted | `user.email` | `{"user":{"email":…}}` and `{"user.email":…}`: the same field for Elasticsearch |
/// | JSON pointer | `/user/e.mail` | exactly these names; `~1` stands for `/`, `~0` for `~` |
///
/// Arrays are passed through: `user.email` finds the field in each object of an array `user`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldPath {
    text: String,
    names: Vec<String>,
    /// For each position in `names`: a name of a member, and the position after it, the shortest name first.
    spellings: Vec<Vec<(String, usize)>>,
}

impl FieldPath {
    /// Reads either form.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (names, is_dotted) = match text.strip_prefix('/') {
            Some(pointer) => (pointer.split('/').map(unescape).collect::<Result<Vec<_>, _>>()?, false),
            None => (text.split('.').map(str::to_owned).collect(), true),
        };
        if names.len() > MAX_NAMES {
            return Err(format!("the path has {} names, {MAX_NAMES} are allowed", names.len()));
        }
        if is_dotted && names.iter().any(String::is_empty) {
            return Err(format!(
                "`{text}` has an empty name: write a name with dots at its ends as a JSON pointer, such as `/a.`"
            ));
        }
        let longest = if is_dotted { names.len() } else { 1 };
        let spellings = (0..names.len()).map(|from| spellings(&names, from, longest)).collect();
        Ok(Self { text: text.to_owned(), names, spellings })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// The names from this position on.
    pub(crate) fn names_from(&self, position: usize) -> &[String] {
        self.names.get(position..).unwrap_or_default()
    }

    /// How a member at this position may be called, and the position after it.
    pub(crate) fn spellings(&self, position: usize) -> impl DoubleEndedIterator<Item = (&str, usize)> {
        let all = self.spellings.get(position).map(Vec::as_slice).unwrap_or_default();
        all.iter().map(|(name, next)| (name.as_str(), *next))
    }

    /// When both paths differ in their last name only, and are of one form: the last name of the other.
    pub(crate) fn sibling<'a>(&self, other: &'a Self) -> Option<&'a str> {
        let same_form = self.text.starts_with('/') == other.text.starts_with('/');
        let (_, parents) = self.names.split_last()?;
        let (last, other_parents) = other.names.split_last()?;
        (same_form && parents == other_parents).then_some(last)
    }

    /// The last name.
    pub(crate) fn last(&self) -> &str {
        self.names.last().map(String::as_str).unwrap_or_default()
    }
}

fn spellings(names: &[String], from: usize, longest: usize) -> Vec<(String, usize)> {
    let ends = from + 1..=names.len().min(from + longest);
    ends.map(|end| (names.get(from..end).unwrap_or_default().join("."), end)).collect()
}

fn unescape(name: &str) -> Result<String, String> {
    let mut text = String::with_capacity(name.len());
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '~' => match characters.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(format!("`{name}`: in a JSON pointer, `~` is written `~0` and `/` is `~1`")),
            },
            other => other,
        });
    }
    Ok(text)
}
