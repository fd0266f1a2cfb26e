//! Paths as telemetry may show them.

/// The path without its query and without what follows `/sessions/`: a session's token is a credential.
pub fn without_secrets(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    path.find("/sessions/").map_or(path, |at| &path[..at + "/sessions".len()])
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn tokens_and_queries_are_left_out() {
        assert_eq!(without_secrets("/v1/sessions/abc"), "/v1/sessions");
        assert_eq!(without_secrets("/v1/products?q=words"), "/v1/products");
        assert_eq!(without_secrets("/v1/orders/7"), "/v1/orders/7");
    }
}
