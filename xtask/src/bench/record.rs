//! What Postgres was asked for one order, read from its log, and the same as scripts for pgbench.
//!
//! Sessions' transactions count when one of their parameters names the order or something that was made for it; the polls
//! of workers do not. Ids of this order become ids of pgbench's transaction, so that constraints hold; statements are
//! prepared once a session, as the services' are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Statements of an order, database by database.
#[derive(Debug, Default)]
pub struct Recording {
    /// Transactions in their order.
    databases: BTreeMap<String, Vec<Transaction>>,
    ids: BTreeSet<String>,
    product: String,
    products: Vec<String>,
}

type Transaction = Vec<Statement>;

#[derive(Clone, Debug, PartialEq)]
struct Statement {
    sql: String,
    /// As literals, `$1` first.
    parameters: Vec<String>,
}

/// A uuid's length as text.
const UUID_BYTES: usize = 36;
/// Digits of a uuid that each transaction has of its own.
const OWN_DIGITS: usize = 12;

impl Recording {
    /// From the log of a server whose lines begin with `bench|pid|database|`. `named` are the order's id and key;
    /// `product` was bought, and pgbench buys any of `products`.
    pub fn read(log: &str, named: &[&str], product: &str, products: &[&str]) -> Result<Self, String> {
        let transactions = transactions(log);
        let mut ids: BTreeSet<String> = named.iter().map(|id| (*id).to_owned()).collect();
        let is_ours = |transaction: &Transaction, ids: &BTreeSet<String>| {
            transaction
                .iter()
                .any(|s| s.parameters.iter().any(|p| ids.iter().any(|id| p.contains(id.as_str()))))
        };
        // What was made for the order brings ids of its own, under which more was made.
        loop {
            let ours = transactions.iter().filter(|(_, t)| is_ours(t, &ids));
            let found: BTreeSet<String> = ours
                .flat_map(|(_, t)| t.iter().flat_map(|s| s.parameters.iter().flat_map(|p| uuids(p))))
                .filter(|id| !products.contains(&id.as_str()))
                .collect();
            let before = ids.len();
            ids.extend(found);
            if ids.len() == before {
                break;
            }
        }
        let mut recording = Self {
            databases: BTreeMap::new(),
            ids,
            product: product.to_owned(),
            products: products.iter().map(|id| (*id).to_owned()).collect(),
        };
        for (database, transaction) in transactions {
            if is_ours(&transaction, &recording.ids) {
                recording.databases.entry(database).or_default().push(transaction);
            }
        }
        if recording.databases.is_empty() {
            return Err("Postgres' log holds no statement of the order".to_owned());
        }
        Ok(recording)
    }

    /// The databases that an order takes.
    pub fn databases(&self) -> impl Iterator<Item = &str> {
        self.databases.keys().map(String::as_str)
    }

    /// Statements of an order in a database, `BEGIN` and `COMMIT` not counted.
    pub fn statements(&self, database: &str) -> usize {
        self.databases.get(database).map_or(0, |all| all.iter().map(Vec::len).sum())
    }

    /// pgbench's script for a database.
    pub fn script(&self, database: &str) -> String {
        let transactions = self.databases.get(database).map(Vec::as_slice).unwrap_or_default();
        let mut prepared: Vec<&str> = Vec::new();
        for statement in transactions.iter().flatten() {
            if !prepared.contains(&statement.sql.as_str()) {
                prepared.push(&statement.sql);
            }
        }
        let mut out = String::from("\\if :ready = 0\n");
        for (at, sql) in prepared.iter().enumerate() {
            let _ = writeln!(out, "PREPARE bench_{at} AS {};", one_line(sql));
        }
        out.push_str("\\set ready 1\n\\endif\n");
        out.push_str(
            "\\set r random(100000000000, 999999999999)\n\\set s :r / 1000000\n\\set t :r % 1000000\n",
        );
        let _ = writeln!(out, "\\set p random(1, {})", self.products.len());
        for transaction in transactions {
            let is_block = transaction.len() > 1;
            if is_block {
                out.push_str("BEGIN;\n");
            }
            for statement in transaction {
                let at = prepared.iter().position(|sql| *sql == statement.sql).unwrap_or_default();
                let values: Vec<String> = statement.parameters.iter().map(|p| self.argument(p)).collect();
                let list = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
                let _ = writeln!(out, "EXECUTE bench_{at}{list};");
            }
            if is_block {
                out.push_str("COMMIT;\n");
            }
        }
        out
    }

    /// A parameter as pgbench gives it: any product in place of the one that was bought, alone or as a list of one.
    fn argument(&self, parameter: &str) -> String {
        let any = || format!("(ARRAY['{}']::uuid[])[:p]", self.products.join("','"));
        if parameter == format!("'{}'", self.product) {
            any()
        } else if parameter == format!("'{{{}}}'", self.product) {
            format!("ARRAY[{}]", any())
        } else {
            self.literal(parameter)
        }
    }

    /// A parameter with ids of pgbench's transaction in place of the order's.
    fn literal(&self, parameter: &str) -> String {
        let mut text = parameter.to_owned();
        for id in &self.ids {
            let own = format!("{}:r", &id[..UUID_BYTES - OWN_DIGITS]);
            text = text.replace(id.as_str(), &own);
            // The same without hyphens, in either case, and as the number that people see.
            let simple = id.replace('-', "");
            text = text.replace(&simple, &format!("{}:r", &simple[..simple.len() - OWN_DIGITS]));
            let upper = simple.to_uppercase();
            let number = format!("QD-{}-{}", &upper[20..26], &upper[26..32]);
            text = text.replace(&number, "QD-:s-:t");
        }
        text
    }
}

/// Transactions of all sessions, each under its database, in the order of their ends.
fn transactions(log: &str) -> Vec<(String, Transaction)> {
    let mut open: BTreeMap<String, Transaction> = BTreeMap::new();
    let mut ended: Vec<(String, Transaction)> = Vec::new();
    for entry in entries(log) {
        let mut parts = entry.splitn(4, '|').skip(1);
        let (Some(pid), Some(database), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let key = format!("{pid}|{database}");
        if let Some(detail) = text.strip_prefix("DETAIL:  ") {
            let list = detail.strip_prefix("parameters: ").or_else(|| detail.strip_prefix("Parameters: "));
            let Some(list) = list else { continue };
            let last = match open.get_mut(&key) {
                Some(transaction) => transaction.last_mut(),
                None => ended.iter_mut().rev().find(|(of, _)| *of == key).and_then(|(_, t)| t.last_mut()),
            };
            if let Some(statement) = last {
                statement.parameters = parameters(list);
            }
            continue;
        }
        let Some(text) = text.strip_prefix("LOG:  ") else { continue };
        let sql = match text.strip_prefix("execute ") {
            Some(rest) => rest.split_once(": ").map(|(_, sql)| sql),
            None => text.strip_prefix("statement: "),
        };
        let Some(sql) = sql.map(str::trim) else { continue };
        match sql.split_whitespace().next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "BEGIN" => {
                open.insert(key, Vec::new());
            }
            "COMMIT" => {
                let transaction = open.remove(&key).unwrap_or_default();
                ended.push((key, transaction));
            }
            "ROLLBACK" => {
                open.remove(&key);
            }
            "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH" => {
                let statement = Statement { sql: sql.to_owned(), parameters: Vec::new() };
                match open.get_mut(&key) {
                    Some(transaction) => transaction.push(statement),
                    None => ended.push((key, vec![statement])),
                }
            }
            _ => {}
        }
    }
    let database =
        |key: String| key.split_once('|').map(|(_, database)| database.to_owned()).unwrap_or_default();
    ended.into_iter().map(|(key, transaction)| (database(key), transaction)).collect()
}

/// Entries of the log with their continued lines.
fn entries(log: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in log.lines() {
        if line.starts_with("bench|") {
            entries.push(line.to_owned());
        } else if let (Some(last), Some(more)) = (entries.last_mut(), line.strip_prefix('\t')) {
            last.push('\n');
            last.push_str(more);
        }
    }
    entries
}

/// `$1 = 'a', $2 = NULL` as literals; quotes in texts are doubled.
fn parameters(list: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = list;
    while let Some(at) = rest.find(" = ") {
        rest = &rest[at + 3..];
        let Some(quoted) = rest.strip_prefix('\'') else {
            found.push("NULL".to_owned());
            rest = rest.strip_prefix("NULL").unwrap_or(rest);
            continue;
        };
        let mut end = 0;
        while let Some(quote) = quoted[end..].find('\'') {
            end += quote;
            if !quoted[end + 1..].starts_with('\'') {
                break;
            }
            end += 2;
        }
        found.push(format!("'{}'", &quoted[..end]));
        rest = quoted.get(end + 1..).unwrap_or_default();
    }
    found
}

/// Every uuid in a text.
fn uuids(text: &str) -> Vec<String> {
    let is_uuid = |part: &[u8]| {
        part.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let windows = text.as_bytes().windows(UUID_BYTES).enumerate().filter(|(_, part)| is_uuid(part));
    let written_out = windows.map(|(at, _)| text[at..at + UUID_BYTES].to_owned());
    written_out
        .chain(text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter_map(reference))
        .collect()
}

/// The uuid in a reference such as `sbx_` and 32 digits.
fn reference(word: &str) -> Option<String> {
    let (_, digits) = word.split_once('_')?;
    let is_simple = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_simple
        .then(|| [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-"))
}

fn one_line(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches(';').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "019a0000-0000-7000-8000-00000000abcd";
    const EVENT: &str = "019a0000-0000-7000-8000-00000000beef";
    const PRODUCT: &str = "5f000000-0000-5000-8000-000000000001";

    fn log() -> String {
        [
            "noise",
            "bench|7|orders|LOG:  statement: BEGIN",
            "bench|7|orders|LOG:  execute sqlx_s_1: INSERT INTO orders (id, name)",
            "\tVALUES ($1, $2)",
            &format!("bench|7|orders|DETAIL:  parameters: $1 = '{ORDER}', $2 = 'it''s, $1 = 3'"),
            "bench|9|orders|LOG:  execute sqlx_s_4: SELECT 1 FROM polls WHERE at < $1",
            "bench|9|orders|DETAIL:  parameters: $1 = '2026-11-29'",
            "bench|7|orders|LOG:  execute sqlx_s_2: INSERT INTO outbox VALUES ($1, $2, $3)",
            &format!("bench|7|orders|DETAIL:  parameters: $1 = '{EVENT}', $2 = NULL, $3 = '{{\"of\":\"{ORDER}\"}}'"),
            "bench|7|orders|LOG:  statement: COMMIT",
            "bench|8|inventory|LOG:  execute sqlx_s_1: UPDATE stock SET n = n - 1 WHERE id = $1 AND for_event = $2",
            &format!("bench|8|inventory|DETAIL:  parameters: $1 = '{PRODUCT}', $2 = '{EVENT}'"),
            "bench|6|payments|LOG:  execute sqlx_s_1: INSERT INTO sandbox_payments VALUES ($1, $2)",
            &format!("bench|6|payments|DETAIL:  parameters: $1 = 'sbx_019b00000000700080000000000cafe0', $2 = '{ORDER}'"),
        ]
        .join("\n")
    }

    #[test]
    fn transactions_of_the_order_are_found_through_its_ids_and_polls_are_left_out() {
        let recording = Recording::read(&log(), &[ORDER], PRODUCT, &[PRODUCT]).unwrap();
        assert_eq!(recording.databases().collect::<Vec<_>>(), ["inventory", "orders", "payments"]);
        assert_eq!((recording.statements("orders"), recording.statements("inventory")), (2, 1));
        assert!(recording.ids.contains(EVENT) && !recording.ids.contains(PRODUCT));
    }

    #[test]
    fn script_prepares_once_and_has_ids_of_its_own() {
        let recording = Recording::read(&log(), &[ORDER], PRODUCT, &[PRODUCT]).unwrap();
        let script = recording.script("orders");
        assert!(
            script.contains("PREPARE bench_0 AS INSERT INTO orders (id, name) VALUES ($1, $2);"),
            "{script}"
        );
        assert!(
            script.contains("EXECUTE bench_0('019a0000-0000-7000-8000-:r', 'it''s, $1 = 3');"),
            "{script}"
        );
        assert!(script.contains("NULL, '{\"of\":\"019a0000-0000-7000-8000-:r\"}');"), "{script}");
        assert!(script.contains("BEGIN;\n") && script.ends_with("COMMIT;\n"));
        let payments = recording.script("payments");
        assert!(payments.contains("('sbx_019b0000000070008000:r', "), "{payments}");
        let inventory = recording.script("inventory");
        assert!(!inventory.contains("BEGIN;") && inventory.contains("\\set p random(1, 1)"), "{inventory}");
        assert!(
            inventory.contains(&format!("EXECUTE bench_0((ARRAY['{PRODUCT}']::uuid[])[:p], '")),
            "{inventory}"
        );
    }
}
