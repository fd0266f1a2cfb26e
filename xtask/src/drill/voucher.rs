//! A voucher for the shoppers of a drill, made on the staff's pages as a manager makes it.

use crate::{
    back_office::BackOffice,
    platform::{layout::Layout, secrets},
};

/// Makes a voucher of 10 % that any number of orders may use; answers its code.
pub async fn make(layout: &Layout) -> Result<String, String> {
    let password = secrets::read(layout, secrets::STAFF_PASSWORD)?;
    let office = BackOffice::enter(&layout.shop_url(), &password).await?;
    let code = format!("DRILL-{:08X}", rand::random::<u32>());
    let voucher = [
        ("code", code.as_str()),
        ("benefit", "10 %"),
        ("starts_at", "2020-01-01"),
        ("ends_at", "2099-12-31"),
        ("max_uses", "1000000"),
        ("note", "a drill"),
    ];
    office.fill("/staff/vouchers", "id=\"new-form\"", &voucher).await?;
    Ok(code)
}
