//! What orders knows about vouchers.

use shop_contracts::orders::StaffNote;
use shop_contracts::vouchers::{CheckVoucher, NewVoucher, Voucher, VoucherPage, VoucherTerms};
use shop_instrumentation::client::{Call, CallError};
use uuid::Uuid;

use super::Peers;

impl Peers {
    /// The terms of a code that would be taken now.
    pub async fn check_voucher(&self, request: &CheckVoucher) -> Result<VoucherTerms, CallError> {
        self.orders.request(Call::post("/v1/vouchers/check", request).idempotent()).await
    }

    /// A page of vouchers, newest first.
    pub async fn vouchers(&self, page: u32) -> Result<VoucherPage, CallError> {
        self.orders.request(Call::get(format!("/v1/staff/vouchers?page={page}"))).await
    }

    /// Makes a voucher; the same key makes it once.
    pub async fn create_voucher(&self, key: &str, request: &NewVoucher) -> Result<Voucher, CallError> {
        self.orders.request(Call::post("/v1/staff/vouchers", request).idempotency_key(key)).await
    }

    /// Ends a voucher, once, however often it is asked.
    pub async fn end_voucher(&self, id: Uuid, note: &StaffNote) -> Result<Voucher, CallError> {
        self.orders.request(Call::post(format!("/v1/staff/vouchers/{id}/end"), note).idempotent()).await
    }
}
