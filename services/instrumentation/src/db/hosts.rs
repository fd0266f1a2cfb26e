//! `DATABASE_URL` with several hosts, as libpq has it (PostgreSQL manual, section 34.1.1.3):
//! `postgres://user:password@host1:port1,host2:port2/database?target_session_attrs=read-write`. A host may be the directory
//! of a socket, percent-encoded.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

/// Hosts of one URL at most.
const MOST_HOSTS: usize = 8;

/// The servers of a cluster, each with what is needed to connect to it.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    /// In the URL's order; never empty.
    pub(super) options: Vec<PgConnectOptions>,
    /// Whether only the one that takes writes will do.
    pub(super) wants_writes: bool,
}

impl Hosts {
    pub(super) fn parse(url: &str) -> Result<Self, sqlx::Error> {
        let wrong = |text: &str| sqlx::Error::Configuration(text.to_owned().into());
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("not a URL"))?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let mut wants_writes = None;
        let mut kept = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("target_session_attrs", "read-write" | "primary")) => wants_writes = Some(true),
                Some(("target_session_attrs", "any")) => wants_writes = Some(false),
                Some(("target_session_attrs", _)) => {
                    return Err(wrong("target_session_attrs must be read-write, primary or any"));
                }
                _ => kept.push(parameter),
            }
        }
        let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
        let user = if user.is_empty() { String::new() } else { format!("{user}@") };
        let hosts: Vec<&str> = hosts.split(',').collect();
        if hosts.len() > MOST_HOSTS {
            return Err(wrong("more than 8 hosts"));
        }
        if hosts.len() > 1 && hosts.iter().any(|host| host.is_empty()) {
            return Err(wrong("an empty host in the list of hosts"));
        }
        let options = hosts
            .iter()
            .map(|host| PgConnectOptions::from_str(&format!("{scheme}://{user}{host}{path}{query}")));
        // Who names several servers and does not say which one, means the one that takes writes: services write.
        let wants_writes = wants_writes.unwrap_or(hosts.len() > 1);
        Ok(Self { options: options.collect::<Result<_, _>>()?, wants_writes })
    }
}

/// The server as a log may show it.
pub(super) fn name(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => format!("{}:{}", socket.display(), options.get_port()),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(url: &str) -> Vec<String> {
        Hosts::parse(url).unwrap().options.iter().map(name).collect()
    }

    #[test]
    fn every_host_gets_user_password_database_and_parameters() {
        let url =
            "postgres://kim:p%40ss@db1:5001,db2:5002/shop?target_session_attrs=read-write&sslmode=disable";
        let hosts = Hosts::parse(url).unwrap();
        assert!(hosts.wants_writes);
        assert_eq!(names(url), ["db1:5001", "db2:5002"]);
        for options in &hosts.options {
            assert_eq!((options.get_username(), options.get_database()), ("kim", Some("shop")));
        }
    }

    #[test]
    fn socket_directories_and_single_hosts_work_as_before() {
        assert_eq!(names("postgres://app@%2Ftmp%2Fa:5001,%2Ftmp%2Fb:5002/t"), ["/tmp/a:5001", "/tmp/b:5002"]);
        let single = Hosts::parse("postgres://app@127.0.0.1/t").unwrap();
        assert!(!single.wants_writes);
        assert_eq!(single.options.len(), 1);
    }

    #[test]
    fn wrong_urls_are_told() {
        for (url, word) in [
            ("db1,db2", "not a URL"),
            ("postgres://db1,,db2/shop", "empty host"),
            ("postgres://db1/shop?target_session_attrs=standby", "target_session_attrs"),
        ] {
            let error = Hosts::parse(url).unwrap_err().to_string();
            assert!(error.contains(word), "{url}: {error}");
        }
    }
}
