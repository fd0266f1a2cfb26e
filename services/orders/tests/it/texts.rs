//! What an order's texts must not hold.

use serde_json::{Value, json};

use crate::fixture::{body, fixture};

#[tokio::test]
async fn no_address_turns_its_line_around() {
    let f = fixture().await;
    for (field, evil) in [
        ("name", "Mia \u{202e}rebmeM"),
        ("address1", "Pier\u{2066}4"),
        ("city", "Ki\u{200b}el"),
        ("postcode", "24\u{7}103"),
    ] {
        let mut order = body();
        order["ship_to"][field] = json!(evil);
        let refused = f.place(field, &order).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (422, "invalid".to_owned()), "{field}");
        assert_eq!(refused.json::<Value>()["errors"][0]["field"], format!("ship_to.{field}"));
    }
    assert_eq!(f.scalar("SELECT count(*) FROM orders").await, 0);
}
