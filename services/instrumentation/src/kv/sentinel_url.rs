//! `redis+sentinel://[[user]:password@]host:port,host:port/master[/database]`: who to ask for the server that leads, and
//! how to log in there. Names and passwords are percent-encoded, as in any URL.

use redis::{ErrorKind, RedisConnectionInfo, RedisError};

const SCHEME: &str = "redis+sentinel://";
/// Sentinels of one URL at most.
const MOST_SENTINELS: usize = 8;
/// Where a Sentinel listens unless the URL says something else.
const DEFAULT_PORT: u16 = 26379;

/// A URL's parts.
#[derive(Clone)]
pub(super) struct SentinelUrl {
    /// Hosts and ports; never empty.
    pub(super) sentinels: Vec<(String, u16)>,
    /// What the Sentinels call the group of servers.
    pub(super) master: String,
    pub(super) database: i64,
    user: Option<String>,
    password: Option<String>,
}

impl SentinelUrl {
    /// Nothing where the URL is not a Sentinel's.
    pub(super) fn parse(url: &str) -> Result<Option<Self>, RedisError> {
        let Some(rest) = url.strip_prefix(SCHEME) else { return Ok(None) };
        let (authority, path) =
            rest.split_once('/').ok_or_else(|| wrong("no name of a master after the hosts"))?;
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        let sentinels: Vec<(String, u16)> = hosts.split(',').map(host).collect::<Result<_, _>>()?;
        if sentinels.len() > MOST_SENTINELS {
            return Err(wrong("more than 8 Sentinels"));
        }
        let (master, database) = path.split_once('/').unwrap_or((path, "0"));
        if master.is_empty() {
            return Err(wrong("no name of a master after the hosts"));
        }
        let database = database.parse().ok().filter(|d| *d >= 0);
        let (user, password) = match login {
            None => (None, None),
            Some(login) => {
                let (user, password) =
                    login.split_once(':').ok_or_else(|| wrong("a user without a password"))?;
                (Some(decoded(user)?).filter(|user| !user.is_empty()), Some(decoded(password)?))
            }
        };
        Ok(Some(Self {
            sentinels,
            master: decoded(master)?,
            database: database.ok_or_else(|| wrong("the database is not a number"))?,
            user,
            password,
        }))
    }

    /// How to log in at a server.
    pub(super) fn login(&self) -> RedisConnectionInfo {
        let mut login = RedisConnectionInfo::default().set_db(self.database);
        if let Some(user) = &self.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.password {
            login = login.set_password(password);
        }
        login
    }
}

/// `host:port`, `host`, `[::1]:port`.
fn host(text: &str) -> Result<(String, u16), RedisError> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().map_err(|_| wrong("the port of a Sentinel is not a number"))?)
        }
        _ => (text, DEFAULT_PORT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(wrong("an empty host in the list of Sentinels"));
    }
    Ok((host.to_owned(), port))
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, RedisError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|d| d.and_then(|d| char::from(d).to_digit(16)));
        let [Some(high), Some(low)] = digits else { return Err(wrong("percent-encoding that is cut off")) };
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| wrong("percent-encoding that is not UTF-8"))
}

/// Says what is wrong and never repeats the URL, which holds a password.
fn wrong(what: &'static str) -> RedisError {
    (ErrorKind::InvalidClientConfig, "redis+sentinel URL", what.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_read() {
        let url =
            SentinelUrl::parse("redis+sentinel://kim:p%40ss@s1:5001,s2,[::1]:5003/shop/2").unwrap().unwrap();
        let hosts: Vec<(&str, u16)> = url.sentinels.iter().map(|(h, p)| (h.as_str(), *p)).collect();
        assert_eq!(hosts, [("s1", 5001), ("s2", 26379), ("::1", 5003)]);
        assert_eq!((url.master.as_str(), url.database), ("shop", 2));
        assert_eq!((url.login().username(), url.login().password()), (Some("kim"), Some("p@ss")));
        let plain = SentinelUrl::parse("redis+sentinel://:secret@s1/shop").unwrap().unwrap();
        assert_eq!((plain.login().username(), plain.login().password()), (None, Some("secret")));
    }

    #[test]
    fn other_urls_are_left_to_others_and_wrong_ones_are_told_without_their_password() {
        assert!(SentinelUrl::parse("unix:///tmp/redis.sock").unwrap().is_none());
        for (url, word) in [
            ("redis+sentinel://:hush@s1:5001", "master"),
            ("redis+sentinel://:hush@s1:5001/", "master"),
            ("redis+sentinel://:hush@s1:port/shop", "port"),
            ("redis+sentinel://:hush@s1,,s2/shop", "empty host"),
            ("redis+sentinel://:hush@s1/shop/two", "database"),
            ("redis+sentinel://:hush%4@s1/shop", "percent"),
            ("redis+sentinel://hush@s1/shop", "without a password"),
        ] {
            let Err(error) = SentinelUrl::parse(url) else { panic!("{url} was taken") };
            let text = error.to_string();
            assert!(text.contains(word) && !text.contains("hush"), "{url}: {text}");
        }
    }
}
