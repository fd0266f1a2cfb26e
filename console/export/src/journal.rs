//! Where a copy is: a small file, replaced as a whole after each acknowledged batch.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use crate::{ExportError, Plan};

const MAX_BYTES: u64 = 64 << 10;

/// How far a copy is. Everything before has been acknowledged by the target. Nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub logs_ns: i64,
    pub traces_ns: i64,
    pub lines: u64,
    pub traces: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    from: String,
    logs_to: Option<String>,
    traces_to: Option<String>,
    start_ns: i64,
    end_ns: i64,
    selector: String,
    search: String,
    position: Position,
}

/// The file, open for this copy.
#[derive(Debug)]
pub struct Journal {
    file: PathBuf,
    content: Content,
}

impl Journal {
    /// Reads the file, or begins a new one. One of another copy is refused: going on there would leave a gap.
    pub fn open(plan: &Plan) -> Result<Self, ExportError> {
        let content = Content {
            from: plan.from.url().to_owned(),
            logs_to: plan.logs_to.as_ref().map(|t| t.url().to_owned()),
            traces_to: plan.traces_to.as_ref().map(|t| t.url().to_owned()),
            start_ns: plan.start_ns,
            end_ns: plan.end_ns,
            selector: plan.selector.clone(),
            search: plan.search.clone(),
            position: Position { logs_ns: plan.start_ns, traces_ns: plan.start_ns, lines: 0, traces: 0 },
        };
        let mut journal = Self { file: plan.journal.clone(), content };
        match journal.read()? {
            Some(found) => {
                journal.check(&found)?;
                journal.content = found;
            }
            // A folder that cannot be written is told before anything is copied.
            None => journal.write()?,
        }
        Ok(journal)
    }

    pub fn position(&self) -> Position {
        self.content.position
    }

    /// Remembers that everything before `position` is acknowledged.
    pub fn advance(&mut self, position: Position) -> Result<(), ExportError> {
        self.content.position = position;
        self.write()
    }

    fn error(&self, reason: impl ToString) -> ExportError {
        ExportError::Journal { file: self.file.clone(), reason: reason.to_string() }
    }

    fn read(&self) -> Result<Option<Content>, ExportError> {
        let bytes = match fs::metadata(&self.file) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.error(e)),
            Ok(found) if !found.is_file() => return Err(self.error("is not a file")),
            Ok(found) if found.len() > MAX_BYTES => {
                return Err(self.error(format!("is larger than {MAX_BYTES} bytes")));
            }
            Ok(_) => fs::read(&self.file).map_err(|e| self.error(e))?,
        };
        let content: Content = serde_json::from_slice(&bytes)
            .map_err(|e| self.error(format!("is no journal of a copy: {e}; remove it to begin anew")))?;
        let inside = content.start_ns..=content.end_ns;
        if !inside.contains(&content.position.logs_ns) || !inside.contains(&content.position.traces_ns) {
            return Err(self.error("its position lies outside its window; remove it to begin anew"));
        }
        Ok(Some(content))
    }

    fn check(&self, found: &Content) -> Result<(), ExportError> {
        let (own, none) = (&self.content, || "none".to_owned());
        let target = |t: &Option<String>| t.clone().unwrap_or_else(none);
        for (field, found, wanted) in [
            ("source", found.from.clone(), own.from.clone()),
            ("target of lines", target(&found.logs_to), target(&own.logs_to)),
            ("target of traces", target(&found.traces_to), target(&own.traces_to)),
            ("start", found.start_ns.to_string(), own.start_ns.to_string()),
            ("end", found.end_ns.to_string(), own.end_ns.to_string()),
            ("selector of streams", found.selector.clone(), own.selector.clone()),
            ("search of traces", found.search.clone(), own.search.clone()),
        ] {
            if found != wanted {
                return Err(ExportError::OtherJournal { file: self.file.clone(), field, found, wanted });
            }
        }
        Ok(())
    }

    fn write(&self) -> Result<(), ExportError> {
        let written = || -> std::io::Result<()> {
            let unfinished = self.file.with_extension("tmp");
            let mut file = File::create(&unfinished)?;
            file.write_all(&serde_json::to_vec_pretty(&self.content)?)?;
            file.sync_all()?;
            fs::rename(&unfinished, &self.file)
        };
        written().map_err(|e| self.error(e))
    }
}
