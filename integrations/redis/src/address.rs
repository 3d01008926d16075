//! Where a server is, and who we are there.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Where a server is: `redis://user:password@host:port/database`.
///
/// All but the host may be left out; the port is 6379 then, and the database 0. What is special in a URL is written as
/// `%40` in user and password. The password is not shown by `Debug`, nor in any error.
///
/// Not supported, and refused by name: TLS (`rediss:`), Unix sockets, parameters (`?..`).
///
/// # Examples
///
/// ```
/// use backstay_redis::RedisAddress;
///
/// let address: RedisAddress = "redis://limits:s3cr%40t@cache.internal/2".parse()?;
/// assert_eq!((address.host(), address.port(), address.database()), ("cache.internal", 6379, 2));
/// assert!(!format!("{address:?}").contains("s3cr"));
///
/// let same = RedisAddress::new("cache.internal", 6379).user("limits").password("s3cr@t").with_database(2);
/// assert_eq!(address, same);
/// # Ok::<(), backstay_redis::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<String>,
    database: u32,
}

/// Why a URL is no address of a server. It does not contain the URL, which may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// It does not begin with `redis://`.
    Scheme,
    /// It begins with `rediss://`: there is no TLS here. A local proxy such as stunnel has it.
    Tls,
    /// It has no host, or one that is none.
    Host,
    /// Its port is not a number from 1 to 65535.
    Port,
    /// Its database is not a number.
    Database,
    /// What is after a `%` is not two hexadecimal digits, or the text is not UTF-8.
    Encoding,
    /// It has a user and no password.
    Password,
    /// It has parameters or a fragment.
    Parameters,
}

impl RedisAddress {
    /// A host, and its port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, user: None, password: None, database: 0 }
    }

    /// As which user; of use with a password alone.
    pub fn user(self, user: impl Into<String>) -> Self {
        Self { user: Some(user.into()), ..self }
    }

    /// With which password.
    pub fn password(self, password: impl Into<String>) -> Self {
        Self { password: Some(password.into()), ..self }
    }

    /// In which database.
    pub fn with_database(self, database: u32) -> Self {
        Self { database, ..self }
    }

    /// The host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The database.
    pub const fn database(&self) -> u32 {
        self.database
    }

    /// As it is looked up.
    pub(crate) fn host_and_port(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// User and password, if there is a password.
    pub(crate) fn credentials(&self) -> Option<(Option<&str>, &str)> {
        self.password.as_deref().map(|password| (self.user.as_deref(), password))
    }
}

impl FromStr for RedisAddress {
    type Err = AddressError;

    fn from_str(url: &str) -> Result<Self, AddressError> {
        let Some((scheme, rest)) = url.split_once("://") else { return Err(AddressError::Scheme) };
        match scheme {
            "redis" => {}
            "rediss" => return Err(AddressError::Tls),
            _ => return Err(AddressError::Scheme),
        }
        if rest.contains(['?', '#']) {
            return Err(AddressError::Parameters);
        }
        let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (who, place) = match place.rsplit_once('@') {
            Some((who, place)) => (Some(who), place),
            None => (None, place),
        };
        let (host, port) = match place.strip_prefix('[') {
            Some(v6) => {
                let (host, port) = v6.split_once(']').ok_or(AddressError::Host)?;
                (host, port.strip_prefix(':').ok_or(port))
            }
            None => place.split_once(':').map_or((place, Err("")), |(host, port)| (host, Ok(port))),
        };
        if host.is_empty() || host.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(AddressError::Host);
        }
        let port = match port {
            Ok(port) => port.parse().ok().filter(|port| *port > 0).ok_or(AddressError::Port)?,
            Err("") => 6379,
            Err(_) => return Err(AddressError::Host),
        };
        let database = match database {
            "" => 0,
            number => number.parse().map_err(|_| AddressError::Database)?,
        };
        let (user, password) = match who.map(|who| who.split_once(':').ok_or(AddressError::Password)) {
            Some(who) => {
                let (user, password) = who?;
                let user = if user.is_empty() { None } else { Some(decoded(user)?) };
                (user, Some(decoded(password)?))
            }
            None => (None, None),
        };
        Ok(Self { host: host.to_owned(), port, user, password, database })
    }
}

fn decoded(text: &str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit =
            || rest.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or(AddressError::Encoding);
        // Two hexadecimal digits are a byte.
        bytes.push(if byte == b'%' { (digit()? * 16 + digit()?) as u8 } else { byte });
    }
    String::from_utf8(bytes).map_err(|_| AddressError::Encoding)
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, password, database } = self;
        f.debug_struct("RedisAddress")
            .field("host", host)
            .field("port", port)
            .field("user", user)
            .field("password", &password.as_ref().map(|_| "not shown"))
            .field("database", database)
            .finish()
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the URL does not begin with redis://",
            Self::Tls => "TLS (rediss://) is not supported",
            Self::Host => "the URL has no valid host",
            Self::Port => "the URL's port is not a number from 1 to 65535",
            Self::Database => "the URL's database is not a number",
            Self::Encoding => {
                "the URL's user or password is not valid: after % there are two hexadecimal digits"
            }
            Self::Password => "the URL has a user and no password",
            Self::Parameters => "the URL has parameters, of which there are none here",
        })
    }
}

impl Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let new = |host: &str, port| RedisAddress::new(host, port);
        let table = [
            ("redis://localhost", Ok(new("localhost", 6379))),
            ("redis://10.0.0.1:7000/", Ok(new("10.0.0.1", 7000))),
            ("redis://[::1]/3", Ok(new("::1", 6379).with_database(3))),
            ("redis://[::1]:7000", Ok(new("::1", 7000))),
            ("redis://:p@h", Ok(new("h", 6379).password("p"))),
            ("redis://u:p%3a%40:@h", Ok(new("h", 6379).user("u").password("p:@:"))),
            ("localhost:6379", Err(AddressError::Scheme)),
            ("http://h", Err(AddressError::Scheme)),
            ("rediss://h", Err(AddressError::Tls)),
            ("redis://", Err(AddressError::Host)),
            ("redis://:6379", Err(AddressError::Host)),
            ("redis://[::1", Err(AddressError::Host)),
            ("redis://[::1]7000", Err(AddressError::Host)),
            ("redis://h:0", Err(AddressError::Port)),
            ("redis://h:70000", Err(AddressError::Port)),
            ("redis://h:", Err(AddressError::Port)),
            ("redis://h/x", Err(AddressError::Database)),
            ("redis://h/-1", Err(AddressError::Database)),
            ("redis://u@h", Err(AddressError::Password)),
            ("redis://u:%4@h", Err(AddressError::Encoding)),
            ("redis://u:%ff@h", Err(AddressError::Encoding)),
            ("redis://h?db=1", Err(AddressError::Parameters)),
        ];
        for (url, expected) in table {
            assert_eq!(url.parse(), expected, "{url}");
        }
        assert_eq!(new("::1", 1).host_and_port(), "[::1]:1");
    }
}
