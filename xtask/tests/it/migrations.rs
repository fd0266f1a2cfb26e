//! Old instances run beside new ones, so a migration may only add. What removes is a step of its own, a release after
//! the one that stopped using it, and says which expansion it ends: `-- contract of 0003_operations.sql: why`.

use std::path::{Path, PathBuf};

const MARK: &str = "-- contract of ";
/// A new rule on a table that exists refuses what an old instance may write. The line says why it never writes such a
/// thing: `-- old instances keep to orders_cart_whole: they write neither column`.
const KEPT: &str = "-- old instances keep to ";
/// Rules from before that line was asked for, and why they were harmless. A file that was released is never edited.
const BEFORE: [(&str, &str); 10] = [
    ("orders_cart_whole", "old instances write neither column"),
    ("orders_shipment_whole", "old instances write none of the columns"),
    ("orders_review_waits", "old instances know neither the column nor the state"),
    ("orders_cart_consumed", "old instances write no cart"),
    ("order_lines_tax_whole", "old instances write neither column"),
    ("products_variant_whole", "old instances write neither column"),
    ("products_variant_group_fits", "old instances write no group"),
    ("products_variant_combination_unique", "old instances write no group"),
    ("reservation_lines_returned", "old instances leave the column at 0"),
    ("password_resets_by_key", "each try has a key of its own, in old instances as well"),
];

/// What of a migration an old instance would fail on, a line for each statement.
fn breaking(sql: &str) -> Vec<String> {
    statements(sql).iter().flat_map(|words| offences(words)).collect()
}

/// A constraint or unique index that a migration puts on a table which was there before.
#[derive(Debug, PartialEq, Eq)]
struct NewRule {
    name: String,
    /// It does not lock writers out while what is there is looked through.
    is_gradual: bool,
}

/// What old instances must keep to from this migration on. A rule that replaces one of its name only widens it.
fn new_rules(sql: &str) -> Vec<NewRule> {
    let statements = statements(sql);
    let created: Vec<&String> = statements.iter().filter_map(|words| created_table(words)).collect();
    let mut rules = Vec::new();
    let mut dropped = Vec::new();
    for words in &statements {
        let starts = |with: &str| words.join(" ").starts_with(with);
        if starts("ALTER TABLE") && table(words).is_some_and(|name| !created.contains(&name)) {
            for action in actions(words) {
                match action.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    ["DROP", "CONSTRAINT", "IF", "EXISTS", name, ..] | ["DROP", "CONSTRAINT", name, ..] => {
                        dropped.push(name.to_owned());
                    }
                    ["ADD", "CONSTRAINT", name, ..] => rules.push(NewRule {
                        name: name.to_owned(),
                        is_gradual: action.join(" ").contains("NOT VALID"),
                    }),
                    ["ADD", kind @ ("CHECK" | "UNIQUE" | "PRIMARY" | "FOREIGN"), ..] => {
                        rules.push(NewRule { name: format!("{kind} WITHOUT A NAME"), is_gradual: false });
                    }
                    _ => {}
                }
            }
        }
        if starts("CREATE UNIQUE INDEX") {
            let on = words.iter().position(|word| word == "ON").unwrap_or(words.len() - 1);
            if words.get(on + 1).is_some_and(|name| !created.contains(&name)) {
                let is_gradual = words.iter().any(|word| word == "CONCURRENTLY");
                rules.push(NewRule { name: words[on - 1].clone(), is_gradual });
            }
        }
    }
    rules.retain(|rule| !dropped.contains(&rule.name));
    rules
}

fn created_table(words: &[String]) -> Option<&String> {
    let is_one = words.first().is_some_and(|word| word == "CREATE")
        && words.iter().take(3).any(|word| word == "TABLE");
    let skipped = ["CREATE", "TABLE", "UNLOGGED", "TEMPORARY", "TEMP", "IF", "NOT", "EXISTS"];
    words.iter().find(|word| !skipped.contains(&word.as_str())).filter(|_| is_one)
}

fn table(words: &[String]) -> Option<&String> {
    words.iter().find(|word| !["ALTER", "TABLE", "IF", "EXISTS", "ONLY"].contains(&word.as_str()))
}

/// Why a rule is refused: nobody says that old instances keep to it, or it locks them out while it is made.
fn unkept(rule: &NewRule, sql: &str) -> Option<String> {
    let name = rule.name.to_lowercase();
    if BEFORE.iter().any(|(known, _)| *known == name) {
        return None;
    }
    let told = sql.lines().filter_map(|line| line.trim().strip_prefix(KEPT)?.split_once(':'));
    let has_reason = told.filter(|(rule, _)| *rule == name).any(|(_, why)| why.trim().len() > 5);
    if !has_reason {
        return Some(format!("narrows: {name}; if old instances never break it, say why: {KEPT}{name}: why"));
    }
    (!rule.is_gradual).then(|| format!("locks out: {name}; add it NOT VALID, or the index CONCURRENTLY"))
}

fn offences(words: &[String]) -> Vec<String> {
    let text = words.join(" ");
    let mut found = Vec::new();
    let is_alter = text.starts_with("ALTER TABLE") || text.starts_with("ALTER TYPE");
    if ["DROP TABLE", "DROP SCHEMA", "DROP TYPE", "TRUNCATE"].iter().any(|start| text.starts_with(start)) {
        found.push(format!("removes: {text}"));
    }
    if !is_alter {
        return found;
    }
    for action in actions(words) {
        let text = action.join(" ");
        let adds = action.first().is_some_and(|word| word == "ADD")
            && !action.get(1).is_some_and(|it| {
                ["CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN", "VALUE"].contains(&it.as_str())
            });
        if text.starts_with("DROP") && !text.starts_with("DROP CONSTRAINT") {
            found.push(format!("removes: {text}"));
        } else if text.contains("RENAME ") {
            found.push(format!("renames: {text}"));
        } else if text.starts_with("ALTER") && (text.contains(" TYPE ") || text.ends_with("SET NOT NULL")) {
            found.push(format!("narrows: {text}"));
        } else if adds
            && text.contains("NOT NULL")
            && !text.contains("DEFAULT")
            && !text.contains("GENERATED")
        {
            found.push(format!("asks old instances for a value: {text}"));
        }
    }
    found
}

/// The actions of an ALTER: its words after the table's name, parted at commas outside of brackets.
fn actions(words: &[String]) -> Vec<Vec<String>> {
    let skipped = ["ALTER", "TABLE", "TYPE", "IF", "EXISTS", "ONLY"];
    let name = words.iter().position(|word| !skipped.contains(&word.as_str())).unwrap_or(words.len());
    let mut actions = vec![Vec::new()];
    let mut depth = 0_usize;
    for word in words.iter().skip(name + 1) {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                actions.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(action) = actions.last_mut() {
            action.push(word.clone());
        }
    }
    actions
}

/// Statements as words in capitals, without comments; a text and a function's body are one word each.
fn statements(sql: &str) -> Vec<Vec<String>> {
    let mut statements = vec![Vec::new()];
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (word, length) = if rest.starts_with("--") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, rest.find("*/").map_or(rest.len(), |at| at + 2))
        } else if first == '\'' {
            (Some("''".to_owned()), rest[1..].find('\'').map_or(rest.len(), |at| at + 2))
        } else if let Some(tag) = dollar_tag(rest) {
            (Some("$$".to_owned()), rest[tag.len()..].find(tag).map_or(rest.len(), |at| at + 2 * tag.len()))
        } else if first.is_alphanumeric() || first == '_' || first == '"' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && !"_\".".contains(c)).unwrap_or(rest.len());
            (Some(rest[..end].to_uppercase()), end)
        } else {
            ((!first.is_whitespace()).then(|| first.to_string()), first.len_utf8())
        };
        rest = &rest[length..];
        match word {
            Some(word) if word == ";" => statements.push(Vec::new()),
            Some(word) => statements.last_mut().expect("there is always one").push(word),
            None => {}
        }
    }
    statements
}

fn dollar_tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('$')?;
    let end = inner.find('$')?;
    inner[..end].chars().all(|c| c.is_alphanumeric() || c == '_').then(|| &text[..end + 2])
}

/// Why a migration is refused; `None` for one that only adds, or ends an older expansion.
fn refusal(folder: &Path, name: &str, sql: &str) -> Option<String> {
    if let Some(unkept) = new_rules(sql).iter().find_map(|rule| unkept(rule, sql)) {
        return Some(unkept);
    }
    let found = breaking(sql);
    if found.is_empty() {
        return None;
    }
    let Some(mark) = sql.lines().find_map(|line| line.strip_prefix(MARK)) else {
        return Some(format!(
            "{}; expand first, and mark the step after: {MARK}<file>: why",
            found.join("; ")
        ));
    };
    let (expansion, why) = mark.split_once(": ").unwrap_or((mark, ""));
    if why.trim().is_empty() {
        return Some(format!("the mark gives no reason: {MARK}{mark}"));
    }
    let is_older = expansion < name && folder.join(expansion).is_file();
    (!is_older).then(|| format!("the mark names no older migration beside it: {expansion}"))
}

fn migrations() -> Vec<PathBuf> {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services");
    let folders = std::fs::read_dir(services).unwrap().map(|entry| entry.unwrap().path().join("migrations"));
    let folders = folders.filter(|folder| folder.is_dir());
    folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path())).collect()
}

#[test]
fn every_migration_only_adds_or_ends_an_older_expansion() {
    let files = migrations();
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let sql = std::fs::read_to_string(&file).unwrap();
        assert_eq!(refusal(file.parent().unwrap(), &name, &sql), None, "{}", file.display());
    }
}

#[test]
fn what_old_instances_would_fail_on_is_refused() {
    for sql in [
        "DROP TABLE carts;",
        "-- tidy\nALTER TABLE orders DROP COLUMN note;",
        "ALTER TABLE orders ADD COLUMN a text, DROP b;",
        "alter table only orders rename column note to remark;",
        "ALTER TABLE orders RENAME TO sales;",
        "ALTER TABLE IF EXISTS orders ADD COLUMN note text NOT NULL;",
        "ALTER TABLE orders ADD note text CHECK (note IN ('a', 'b')) NOT NULL;",
        "ALTER TABLE orders ALTER COLUMN note SET NOT NULL;",
        "ALTER TABLE orders ALTER COLUMN total TYPE bigint;",
    ] {
        assert_eq!(breaking(sql).len(), 1, "{sql}");
    }
    for sql in [
        "CREATE TABLE a (b text NOT NULL);",
        "ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT 'x, RENAME y';",
        "ALTER TABLE orders ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY NOT NULL;",
        "ALTER TABLE orders DROP CONSTRAINT known, ADD CONSTRAINT known CHECK (a IS NOT NULL);",
        "ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;",
        "/* DROP TABLE a; */ CREATE FUNCTION f() AS $f$ BEGIN DROP TABLE a; END $f$;",
        "DROP INDEX a; DROP TRIGGER t ON a;",
    ] {
        assert_eq!(breaking(sql), Vec::<String>::new(), "{sql}");
    }
}

#[test]
fn a_new_rule_on_a_table_that_exists_needs_a_reason_and_must_not_lock() {
    let refused = |sql: &str| refusal(Path::new("."), "0009_rules.sql", sql);
    for sql in [
        "ALTER TABLE orders ADD CONSTRAINT total_known CHECK (total > 0);",
        "ALTER TABLE orders ADD CONSTRAINT total_known CHECK (total > 0) NOT VALID;",
        "alter table only orders add constraint one_number unique (number);",
        "ALTER TABLE orders ADD COLUMN a text, ADD CONSTRAINT fits FOREIGN KEY (a) REFERENCES b (c) NOT VALID;",
        "ALTER TABLE orders ADD CHECK (total > 0);",
        "CREATE UNIQUE INDEX one_number ON orders (number);",
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_number ON orders (number);",
    ] {
        let why = refused(sql).unwrap_or_else(|| panic!("not refused: {sql}"));
        assert!(why.starts_with("narrows: ") && why.contains(KEPT), "{why}");
    }
    let reason = "-- old instances keep to total_known: they are asked for it by the form\n";
    let checked = "ALTER TABLE orders ADD CONSTRAINT total_known CHECK (total > 0)";
    assert!(refused(&format!("{reason}{checked};")).unwrap().starts_with("locks out: total_known"));
    assert_eq!(refused(&format!("{reason}{checked} NOT VALID;")), None);
    let index = "-- old instances keep to one_number: numbers are random and 48 bits long\n\
                 CREATE UNIQUE INDEX CONCURRENTLY one_number ON orders (number);";
    assert_eq!(refused(index), None);
    assert!(
        refused(&format!("-- old instances keep to total_known:\n{checked} NOT VALID;")).is_some(),
        "no reason"
    );
    for sql in [
        "CREATE TABLE a (b text); ALTER TABLE a ADD CONSTRAINT c CHECK (b <> ''); CREATE UNIQUE INDEX d ON a (b);",
        "ALTER TABLE orders DROP CONSTRAINT known; ALTER TABLE orders ADD CONSTRAINT known CHECK (a IN ('b', 'c'));",
        "CREATE INDEX by_number ON orders (number);",
        "ALTER TABLE orders ADD COLUMN a text CONSTRAINT a_known CHECK (a IN ('b', 'c'));",
    ] {
        assert_eq!(refused(sql), None, "{sql}");
    }
}

#[test]
fn a_contract_step_names_the_expansion_that_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("0002_more.sql"), "").unwrap();
    let refused = |mark: &str| {
        let sql = format!("{mark}\nALTER TABLE orders DROP COLUMN note;");
        refusal(folder.path(), "0003_less.sql", &sql)
    };
    assert_eq!(refused("-- contract of 0002_more.sql: nothing reads it since 1.2"), None);
    assert!(refused("").unwrap().contains("expand first"));
    assert!(refused("-- contract of 0002_more.sql").unwrap().contains("no reason"));
    assert!(refused("-- contract of 0001_lost.sql: gone").unwrap().contains("no older migration"));
    assert!(refused("-- contract of 0003_less.sql: itself").unwrap().contains("no older migration"));
}
