//! Protobuf messages by hand, for seeds (protobuf.dev, "Encoding").

#[derive(Clone, Debug, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn raw(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.0.push(v as u8 | 0x80);
            v >>= 7;
        }
        self.0.push(v as u8);
    }

    #[must_use]
    pub fn varint(mut self, field: u64, v: i64) -> Self {
        self.raw(field << 3);
        self.raw(v as u64);
        self
    }

    #[must_use]
    pub fn double(mut self, field: u64, v: f64) -> Self {
        self.raw(field << 3 | 1);
        self.0.extend_from_slice(&v.to_bits().to_le_bytes());
        self
    }

    #[must_use]
    pub fn bytes(mut self, field: u64, v: &[u8]) -> Self {
        self.raw(field << 3 | 2);
        self.raw(v.len() as u64);
        self.0.extend_from_slice(v);
        self
    }

    #[must_use]
    pub fn text(self, field: u64, v: &str) -> Self {
        self.bytes(field, v.as_bytes())
    }

    #[must_use]
    pub fn message(self, field: u64, v: Self) -> Self {
        self.bytes(field, &v.0)
    }
}
