//! Messages in a stream of bytes (RFC 6587, section 3.4).

/// Digits of a length; more are no length.
const MAX_DIGITS: usize = 7;

/// What stands at the start of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message, and how many bytes it took with what frames it.
    Message { start: usize, end: usize, taken: usize },
    /// More bytes are needed.
    Partial,
}

/// Why a stream cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    #[error("a message of {length} bytes is longer than max_frame_bytes ({max})")]
    TooLong { length: usize, max: usize },
    #[error("a message does not end within max_frame_bytes ({max})")]
    Endless { max: usize },
    #[error("a message begins with {0:?}, neither a length nor '<'")]
    Unframed(char),
}

/// The first message. A length (`123 <…`) counts octets; `<` begins a message that a newline ends, or a zero, as
/// Python's handler writes. `is_end`: no more bytes come, so that a message without its end is whole.
pub fn next(bytes: &[u8], max: usize, is_end: bool) -> Result<Frame, FramingError> {
    // Newlines between messages, as some senders add to counted ones.
    let blank = bytes.iter().take_while(|b| matches!(b, b'\n' | b'\r' | 0)).count();
    let rest = &bytes[blank..];
    let Some(first) = rest.first() else { return Ok(Frame::Partial) };
    match first {
        b'1'..=b'9' => counted(rest, blank, max),
        b'<' => lined(rest, blank, max, is_end),
        other => Err(FramingError::Unframed(char::from(*other))),
    }
}

fn counted(rest: &[u8], blank: usize, max: usize) -> Result<Frame, FramingError> {
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let too_long = |length| FramingError::TooLong { length, max };
    if digits > MAX_DIGITS {
        return Err(too_long(usize::MAX));
    }
    let length = rest[..digits].iter().fold(0usize, |n, d| n * 10 + usize::from(d - b'0'));
    if length > max {
        return Err(too_long(length));
    }
    match rest.get(digits) {
        None => Ok(Frame::Partial),
        Some(b' ') if rest.len() > digits + length => {
            let start = blank + digits + 1;
            Ok(Frame::Message { start, end: start + length, taken: start + length })
        }
        Some(b' ') => Ok(Frame::Partial),
        Some(other) => Err(FramingError::Unframed(char::from(*other))),
    }
}

fn lined(rest: &[u8], blank: usize, max: usize, is_end: bool) -> Result<Frame, FramingError> {
    match rest.iter().take(max + 1).position(|b| matches!(b, b'\n' | 0)) {
        Some(at) => {
            let text = &rest[..at];
            let trimmed = text.strip_suffix(b"\r").unwrap_or(text);
            Ok(Frame::Message { start: blank, end: blank + trimmed.len(), taken: blank + at + 1 })
        }
        None if rest.len() > max => Err(FramingError::Endless { max }),
        None if is_end => {
            Ok(Frame::Message { start: blank, end: blank + rest.len(), taken: blank + rest.len() })
        }
        None => Ok(Frame::Partial),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut bytes: &[u8], is_end: bool) -> Result<(Vec<String>, usize), FramingError> {
        let mut out = Vec::new();
        while let Frame::Message { start, end, taken } = next(bytes, 40, is_end)? {
            out.push(String::from_utf8_lossy(&bytes[start..end]).into_owned());
            bytes = &bytes[taken..];
        }
        Ok((out, bytes.len()))
    }

    #[test]
    fn both_framings_may_follow_one_another() {
        let (found, left) = all(b"5 <1>ab<2>c\r\n\n6 <3>\nde\n<4>f", false).unwrap();
        assert_eq!((found, left), (["<1>ab", "<2>c", "<3>\nde"].map(str::to_owned).to_vec(), 5));
        assert_eq!(all(b"<4>f", true).unwrap().0, ["<4>f"]);
        assert_eq!(all(b"<5>g\0<6>h\0", false).unwrap(), (["<5>g", "<6>h"].map(str::to_owned).to_vec(), 0));
        assert_eq!(all(b"12 <1>abc", true).unwrap().0, [""; 0]);
    }

    #[test]
    fn frames_past_the_limit_are_refused() {
        let long = [b"<1>".to_vec(), vec![b'x'; 60]].concat();
        assert_eq!(all(&long, false), Err(FramingError::Endless { max: 40 }));
        assert_eq!(all(b"41 <1>", false), Err(FramingError::TooLong { length: 41, max: 40 }));
        assert!(matches!(all(b"99999999 x", false), Err(FramingError::TooLong { .. })));
        assert_eq!(all(b"GET / HTTP/1.1", false), Err(FramingError::Unframed('G')));
        assert_eq!(all(b"5x<1>ab", false), Err(FramingError::Unframed('x')));
    }
}
