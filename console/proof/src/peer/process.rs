//! A child process: started in a group of its own, watched until it is ready, killed when dropped.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{Endpoint, PeerError, Usage};

const READY_WITHIN: Duration = Duration::from_mins(1);
const STOP_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(5);
/// How much of a server's output an error message carries.
const OUTPUT_BYTES: u64 = 4096;

/// A program with its arguments.
#[derive(Clone, Debug)]
pub struct Launch {
    /// In messages.
    pub name: &'static str,
    pub program: PathBuf,
    pub args: Vec<String>,
    /// Where its output goes.
    pub log: PathBuf,
}

/// A running [`Launch`].
pub struct Process {
    launch: Launch,
    child: Child,
    ready_path: &'static str,
    ready_after: Duration,
}

impl Launch {
    fn spawn(&self) -> Result<Child, PeerError> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.map_err(PeerError::io(format!("cannot write {}", self.log.display())))?;
        let errors = log.try_clone().map_err(PeerError::io("cannot share the log"))?;
        let mut command = Command::new(&self.program);
        // A group of its own: Ctrl-C reaches the proof, which then ends its children.
        command.args(&self.args).process_group(0).stdin(Stdio::null()).stdout(log).stderr(errors);
        command.spawn().map_err(|source| PeerError::Spawn { program: self.program.clone(), source })
    }

    fn output(&self) -> String {
        let tail = || -> std::io::Result<String> {
            let mut file = File::open(&self.log)?;
            let length = fs::metadata(&self.log)?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(OUTPUT_BYTES)))?;
            let mut bytes = Vec::new();
            file.take(OUTPUT_BYTES).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        tail().unwrap_or_default()
    }
}

impl Process {
    /// Answers when `ready_path` does, with 200.
    pub(crate) async fn start(
        launch: Launch,
        endpoint: &Endpoint,
        ready_path: &'static str,
    ) -> Result<Self, PeerError> {
        let child = launch.spawn()?;
        let mut process = Self { launch, child, ready_path, ready_after: Duration::ZERO };
        process.wait_ready(endpoint).await?;
        Ok(process)
    }

    async fn wait_ready(&mut self, endpoint: &Endpoint) -> Result<(), PeerError> {
        let begun = Instant::now();
        loop {
            let answer = endpoint.get(self.ready_path).timeout(Duration::from_secs(5)).send().await;
            if answer.is_ok_and(|a| a.status().is_success()) {
                self.ready_after = begun.elapsed();
                return Ok(());
            }
            let name = self.launch.name;
            if self.has_ended() {
                return Err(PeerError::Ended { name, output: self.output() });
            }
            if begun.elapsed() > READY_WITHIN {
                let seconds = READY_WITHIN.as_secs();
                return Err(PeerError::NotReady { name, seconds, output: self.output() });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub(crate) async fn stop(&mut self) -> Result<(), PeerError> {
        let name = self.launch.name;
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = Pid::from_raw(pid)
        {
            // Where it has ended already there is nobody to signal.
            let _ = kill_process(pid, Signal::TERM);
        }
        let begun = Instant::now();
        while !self.has_ended() {
            if begun.elapsed() > STOP_WITHIN {
                return Err(PeerError::NotStopped { name, seconds: STOP_WITHIN.as_secs() });
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    pub(crate) async fn restart(&mut self, endpoint: &Endpoint) -> Result<(), PeerError> {
        self.stop().await?;
        self.child = self.launch.spawn()?;
        self.wait_ready(endpoint).await
    }

    /// As [`Self::restart`], without asking: SIGKILL.
    pub(crate) async fn crash(&mut self, endpoint: &Endpoint) -> Result<(), PeerError> {
        let failed = || PeerError::io(format!("{} cannot be killed", self.launch.name));
        self.child.kill().map_err(failed())?;
        self.child.wait().map_err(failed())?;
        self.child = self.launch.spawn()?;
        self.wait_ready(endpoint).await
    }

    pub(crate) fn forget_peak(&self) -> Result<(), PeerError> {
        Usage::forget_peak(self.child.id())
    }

    pub(crate) fn name(&self) -> &'static str {
        self.launch.name
    }

    pub(crate) fn ready_path(&self) -> &'static str {
        self.ready_path
    }

    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    pub(crate) fn usage(&self) -> Result<Usage, PeerError> {
        Usage::of(self.child.id())
    }

    pub(crate) fn output(&self) -> String {
        self.launch.output()
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
