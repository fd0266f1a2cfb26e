//! A change to one file's text.

pub enum Edit {
    /// The one place where this stands becomes that.
    Replace(&'static str, &'static str),
    /// The line in which this stands, once in the file, goes.
    Drop(&'static str),
    Append(&'static str),
}

impl Edit {
    /// The changed text; an error where the place is not there, or not the only one.
    pub fn apply(&self, text: &str) -> Result<String, String> {
        match self {
            Self::Append(more) => Ok(format!("{text}{more}")),
            Self::Replace(from, to) => {
                once(text, from)?;
                Ok(text.replacen(from, to, 1))
            }
            Self::Drop(from) => {
                once(text, from)?;
                Ok(text.split_inclusive('\n').filter(|line| !line.contains(from)).collect())
            }
        }
    }
}

fn once(text: &str, wanted: &str) -> Result<(), String> {
    match text.matches(wanted).count() {
        1 => Ok(()),
        times => Err(format!("{wanted:?} stands there {times} times, and should once")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_applies_at_its_one_place_and_nowhere_else() {
        let text = "a = 1\nb = 2\nb2 = 2\n";
        assert_eq!(Edit::Replace("a = 1", "a = 3").apply(text).unwrap(), "a = 3\nb = 2\nb2 = 2\n");
        assert_eq!(Edit::Drop("b2").apply(text).unwrap(), "a = 1\nb = 2\n");
        assert_eq!(Edit::Append("c\n").apply("a\n").unwrap(), "a\nc\n");
        assert!(Edit::Replace("= 2", "= 3").apply(text).unwrap_err().contains("2 times"));
        assert!(Edit::Drop("z").apply(text).unwrap_err().contains("0 times"));
    }
}
