//! What the services do for the shop's staff. Every call names who asks; the services keep that with the change.

use shop_contracts::catalog::{EditProduct, Product, ProductHistory};
use shop_contracts::identity::{LogIn, StaffMember, StaffSession};
use shop_contracts::inventory::{NewAdjustment, StockItem, StockLedger, StockPage};
use shop_contracts::orders::{
    CancelOrder, NewOrderRefund, Order, OrderHistory, OrderPage, OrderStatus, RefuseReturn, ResolveOrder,
    ShipOrder, StaffNote,
};
use shop_contracts::variants::{JoinGroup, LeaveGroup, RenameGroup, VariantGroup, VariantGroups};
use shop_contracts::{OrderId, ProductId, VariantGroupId};
use shop_instrumentation::client::{Call, CallError};
use uuid::Uuid;

use super::Peers;
use super::account::SESSION_TOKEN;

impl Peers {
    /// Checks a staff member's password and opens a session.
    pub async fn staff_log_in(&self, key: &str, request: &LogIn) -> Result<StaffSession, CallError> {
        self.identity.request(Call::post("/v1/staff/sessions", request).idempotency_key(key)).await
    }

    /// Whose session this is.
    pub async fn staff_member(&self, token: &str) -> Result<StaffMember, CallError> {
        self.identity.request(Call::get("/v1/staff/sessions/current").header(SESSION_TOKEN, token)).await
    }

    /// Ends a staff session.
    pub async fn staff_log_out(&self, token: &str) -> Result<(), CallError> {
        let call = Call::delete("/v1/staff/sessions/current").header(SESSION_TOKEN, token);
        self.identity.send(call).await.map(|_| ())
    }

    /// A page of all orders, newest first, narrowed by status, by whether the parcel has left, and by number or address.
    pub async fn staff_orders(
        &self,
        status: Option<OrderStatus>,
        shipped: Option<bool>,
        words: &str,
        page: u32,
    ) -> Result<OrderPage, CallError> {
        let mut path = format!("/v1/staff/orders?page={page}");
        if let Some(status) = status {
            path.push_str(&format!("&status={}", status.as_str()));
        }
        if let Some(shipped) = shipped {
            path.push_str(&format!("&shipped={shipped}"));
        }
        if !words.is_empty() {
            path.push_str(&format!("&q={}", urlencoding::encode(words)));
        }
        self.orders.request(Call::get(path)).await
    }

    /// A page of orders that wait for staff, oldest first: `parcel` to be handed over, `return` on its way.
    pub async fn staff_orders_waiting(&self, waiting: &str, page: u32) -> Result<OrderPage, CallError> {
        self.orders.request(Call::get(format!("/v1/staff/orders?waiting={waiting}&page={page}"))).await
    }

    /// What happened to an order.
    pub async fn order_history(&self, order: OrderId) -> Result<OrderHistory, CallError> {
        self.orders.request(Call::get(format!("/v1/staff/orders/{order}/history"))).await
    }

    /// A parcel was handed over.
    pub async fn ship_order(&self, order: OrderId, request: &ShipOrder) -> Result<Order, CallError> {
        self.orders.request(Call::post(format!("/v1/staff/orders/{order}/ship"), request).idempotent()).await
    }

    /// Gives money back; the same key gives it back once.
    pub async fn refund_order(
        &self,
        key: &str,
        order: OrderId,
        request: &NewOrderRefund,
    ) -> Result<Order, CallError> {
        let call = Call::post(format!("/v1/staff/orders/{order}/refunds"), request).idempotency_key(key);
        self.orders.request(call).await
    }

    /// Returned pieces have arrived.
    pub async fn receive_return(
        &self,
        order: OrderId,
        return_id: Uuid,
        note: &StaffNote,
    ) -> Result<Order, CallError> {
        let path = format!("/v1/staff/orders/{order}/returns/{return_id}/receive");
        self.orders.request(Call::post(path, note).idempotent()).await
    }

    /// A return brings nothing back.
    pub async fn refuse_return(
        &self,
        order: OrderId,
        return_id: Uuid,
        request: &RefuseReturn,
    ) -> Result<Order, CallError> {
        let path = format!("/v1/staff/orders/{order}/returns/{return_id}/refuse");
        self.orders.request(Call::post(path, request).idempotent()).await
    }

    /// Ends an order's wait for a person.
    pub async fn resolve_order(&self, order: OrderId, request: &ResolveOrder) -> Result<Order, CallError> {
        let path = format!("/v1/staff/orders/{order}/resolve");
        self.orders.request(Call::post(path, request).idempotent()).await
    }

    /// Cancels an order for its shopper.
    pub async fn staff_cancel(&self, order: OrderId, request: &CancelOrder) -> Result<Order, CallError> {
        self.orders.request(Call::post(format!("/v1/orders/{order}/cancel"), request).idempotent()).await
    }

    /// A page of stock, scarcest first.
    pub async fn staff_stock(&self, page: u32) -> Result<StockPage, CallError> {
        self.inventory.request(Call::get(format!("/v1/staff/stock?page={page}"))).await
    }

    /// The levels of these products, at most 50, as a page of stock.
    pub async fn stock_of(&self, products: &[ProductId]) -> Result<StockPage, CallError> {
        let ids: Vec<String> = products.iter().map(ToString::to_string).collect();
        self.inventory.request(Call::get(format!("/v1/staff/stock?q={}", ids.join(",")))).await
    }

    /// A product's movements, newest first.
    pub async fn stock_ledger(&self, product: ProductId, page: u32) -> Result<StockLedger, CallError> {
        self.inventory.request(Call::get(format!("/v1/staff/stock/{product}/ledger?page={page}"))).await
    }

    /// Corrects a level; the same key corrects it once.
    pub async fn adjust_stock(
        &self,
        key: &str,
        product: ProductId,
        request: &NewAdjustment,
    ) -> Result<StockItem, CallError> {
        let path = format!("/v1/staff/stock/{product}/adjustments");
        self.inventory.request(Call::post(path, request).idempotency_key(key)).await
    }

    /// Changes a product.
    pub async fn edit_product(
        &self,
        product: ProductId,
        request: &EditProduct,
    ) -> Result<Product, CallError> {
        self.catalog.request(Call::post(format!("/v1/staff/products/{product}"), request).idempotent()).await
    }

    /// Puts a product into a group of variants.
    pub async fn join_group(&self, product: ProductId, request: &JoinGroup) -> Result<Product, CallError> {
        let path = format!("/v1/staff/products/{product}/variant");
        self.catalog.request(Call::post(path, request).idempotent()).await
    }

    /// Takes a product out of its group of variants.
    pub async fn leave_group(&self, product: ProductId, request: &LeaveGroup) -> Result<Product, CallError> {
        let path = format!("/v1/staff/products/{product}/variant/leave");
        self.catalog.request(Call::post(path, request).idempotent()).await
    }

    /// Every group of variants, by title.
    pub async fn variant_groups(&self) -> Result<VariantGroups, CallError> {
        self.catalog.request(Call::get("/v1/staff/variant-groups")).await
    }

    /// Renames a group of variants or its options.
    pub async fn rename_group(
        &self,
        group: VariantGroupId,
        request: &RenameGroup,
    ) -> Result<VariantGroup, CallError> {
        let path = format!("/v1/staff/variant-groups/{group}");
        self.catalog.request(Call::post(path, request).idempotent()).await
    }

    /// What was changed about a product.
    pub async fn product_history(&self, product: ProductId) -> Result<ProductHistory, CallError> {
        self.catalog.request(Call::get(format!("/v1/staff/products/{product}/history"))).await
    }
}
