//! Terraform's language, as far as lists are read from it: blocks at the left margin and their attributes, as
//! `terraform fmt` writes them. What the code means is Terraform's own matter.

/// `variable "name" { … }`: the words before the brace, without quotes, and the lines between the braces.
pub struct Block<'a> {
    pub words: Vec<&'a str>,
    lines: Vec<&'a str>,
}

/// Every block of a file.
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if open {
            if line == "}" {
                open = false;
            } else if let Some(block) = found.last_mut() {
                block.lines.push(line);
            }
        } else if !line.starts_with([' ', '#', '}'])
            && let Some(head) = line.strip_suffix(" {")
        {
            let words = head.split(' ').map(|word| word.trim_matches('"')).collect();
            found.push(Block { words, lines: Vec::new() });
            open = true;
        }
    }
    found
}

impl Block<'_> {
    pub fn is(&self, kind: &str) -> bool {
        self.words.first() == Some(&kind)
    }

    /// The block's second or third word.
    pub fn name(&self) -> &str {
        self.words.last().copied().unwrap_or_default()
    }

    /// The text of an attribute at the block's own level, of several lines where its brackets are.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let begins = |line: &&str| {
            let rest = line.strip_prefix("  ").and_then(|l| l.strip_prefix(name));
            rest.is_some_and(|rest| rest.trim_start().starts_with("= "))
        };
        let at = self.lines.iter().position(begins)?;
        let (_, first) = self.lines[at].split_once("= ")?;
        let mut value = first.to_owned();
        for line in &self.lines[at + 1..] {
            if depth(&value) <= 0 {
                break;
            }
            value.push(' ');
            value.push_str(line.trim());
        }
        Some(value)
    }

    /// An attribute that is a string, without quotes.
    pub fn string(&self, name: &str) -> Option<String> {
        Some(self.attribute(name)?.strip_prefix('"')?.strip_suffix('"')?.replace("\\\"", "\""))
    }
}

/// Brackets that are open; those within strings count too, where they are balanced.
fn depth(text: &str) -> i32 {
    text.chars().map(|c| i32::from("([{".contains(c)) - i32::from(")]}".contains(c))).sum()
}

/// The comment at a file's top, as one paragraph.
pub fn comment(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
    lines.join(" ")
}

/// The strings between quotes of a text.
pub fn strings(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# What it is,\n# and why.\n\nvariable \"a\" {\n  description = \"The \\\"a\\\".\"\n  type = object({\n    \
                        b = string\n  })\n\n  validation {\n    condition = true\n  }\n}\n\nresource \"aws_x\" \"y\" {\n  z = [1]\n}\n";

    #[test]
    fn blocks_have_words_and_attributes_of_one_line_and_of_several() {
        let blocks = blocks(TEXT);
        assert_eq!(blocks.len(), 2);
        assert!(blocks[0].is("variable"));
        assert_eq!(blocks[0].string("description").unwrap(), "The \"a\".");
        assert_eq!(blocks[0].attribute("type").unwrap(), "object({ b = string })");
        assert_eq!(blocks[0].attribute("condition"), None);
        assert_eq!(blocks[1].words, ["resource", "aws_x", "y"]);
        assert_eq!(blocks[1].attribute("z").unwrap(), "[1]");
        assert_eq!(comment(TEXT), "What it is, and why.");
        assert_eq!(strings("a \"b\" c \"d\""), ["b", "d"]);
    }
}
