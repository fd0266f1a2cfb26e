//! The address with several hosts, as libpq has it (PostgreSQL manual, section 34.1.1.3):
//! `postgres://user:password@host1:port1,host2:port2/database?target_session_attrs=read-write`. A host may be the directory
//! of a socket, percent-encoded.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

/// Hosts of one address at most.
const MAX_HOSTS: usize = 8;

/// The servers of a cluster, each with what is needed to connect to it, in the address' order; never empty.
#[derive(Clone, Debug)]
pub struct Hosts(Vec<PgConnectOptions>);

impl Hosts {
    /// An error names what is wrong and repeats nothing of the address, which holds a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("not a URL")?;
        if !matches!(scheme, "postgres" | "postgresql") {
            return Err("the scheme must be postgres".to_owned());
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let mut kept = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                // The state is written: a server that takes no writes is of no use, whatever is said.
                Some(("target_session_attrs", "read-write" | "primary" | "any")) => {}
                Some(("target_session_attrs", _)) => {
                    return Err("target_session_attrs must be read-write, primary or any".to_owned());
                }
                _ => kept.push(parameter),
            }
        }
        let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
        let user = if user.is_empty() { String::new() } else { format!("{user}@") };
        let hosts: Vec<&str> = hosts.split(',').collect();
        if hosts.len() > MAX_HOSTS {
            return Err(format!("{} hosts: more than {MAX_HOSTS}", hosts.len()));
        }
        if hosts.iter().any(|host| host.is_empty()) {
            return Err("a host is empty".to_owned());
        }
        if path.trim_matches('/').is_empty() {
            return Err("no database is named".to_owned());
        }
        let options = hosts.iter().map(|host| {
            PgConnectOptions::from_str(&format!("{scheme}://{user}{host}{path}{query}"))
                .map_err(|e| format!("host, port or parameters: {e}"))
        });
        Ok(Self(options.collect::<Result<_, _>>()?))
    }

    /// Each server with the settings of a session.
    pub fn map(self, settings: impl Fn(PgConnectOptions) -> PgConnectOptions) -> Self {
        Self(self.0.into_iter().map(settings).collect())
    }

    pub fn all(&self) -> &[PgConnectOptions] {
        &self.0
    }

    /// All servers and the database, as a message may show them.
    pub fn place(&self) -> String {
        let names: Vec<String> = self.0.iter().map(name).collect();
        let database = self.0.first().and_then(|first| first.get_database()).unwrap_or_default();
        format!("database {database} at {}", names.join(", "))
    }
}

/// One server, as a message may show it.
pub fn name(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => format!("{}:{}", socket.display(), options.get_port()),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn every_host_gets_user_password_database_and_parameters() {
        let url =
            "postgres://kim:p%40ss@db1:5001,db2:5002/console?target_session_attrs=read-write&sslmode=require";
        let hosts = Hosts::parse(url).unwrap();
        assert_eq!(hosts.place(), "database console at db1:5001, db2:5002");
        for options in hosts.all() {
            assert_eq!((options.get_username(), options.get_database()), ("kim", Some("console")));
        }
        let sockets = Hosts::parse("postgres://app@%2Ftmp%2Fa:5001,%2Ftmp%2Fb:5002/t").unwrap();
        assert_eq!(sockets.place(), "database t at /tmp/a:5001, /tmp/b:5002");
    }

    #[test]
    fn wrong_addresses_are_told_without_their_password() {
        for (url, word) in [
            ("db1,db2", "not a URL"),
            ("mysql://kim:secret@db1/console", "scheme"),
            ("postgres://kim:secret@db1,,db2/console", "a host is empty"),
            ("postgres://kim:secret@db1/console?target_session_attrs=standby", "target_session_attrs"),
            ("postgres://kim:secret@db1:port/console", "port"),
            ("postgres://kim:secret@db1", "no database"),
            ("postgres://kim:secret@a,b,c,d,e,f,g,h,i/console", "more than 8"),
        ] {
            let error = Hosts::parse(url).unwrap_err();
            assert!(error.contains(word) && !error.contains("secret"), "{url}: {error}");
        }
    }
}
