//! Changes of one account's cart in the same moment: each that a page tells of is in it.

use futures::future::join_all;
use wiremock::Mock;
use wiremock::matchers::method;

use crate::account_cart::{logged_in, silent};
use crate::stage::{Leads as _, Shopper, Stage};

const ADDED: &str = "/cart?added=lamp";
const MISSED: &str = "/cart?missed=1";
const GREEN: &str = "</strong> is in your cart.";
const JOINED: &str = "Your cart was changed in two places";

fn shows(shopper: &Shopper<'_>, pieces: u32) -> bool {
    shopper.page.contains(&format!("{pieces}<span class=\"sr\"> piece"))
}

#[tokio::test]
async fn adds_on_two_devices_in_the_same_moment_are_all_in_the_cart() {
    for had in [0, 1] {
        let (stage, keeper) = Stage::with_account().await;
        let (mut phone, mut laptop) = (logged_in(&stage).await, logged_in(&stage).await);
        for _ in 0..had {
            phone.take_a_lamp().await;
        }
        phone.open("/p/lamp").await;
        laptop.open("/p/lamp").await;
        // Each looks before any of them has changed anything.
        keeper.next_find(8, &keeper.kept());
        let presses = (0..8).map(|n| {
            let mut tab = if n % 2 == 0 { phone.clone() } else { laptop.clone() };
            async move { tab.submit("/cart/add", &[("quantity", "1")]).await }
        });
        for answer in join_all(presses).await {
            assert!(answer.leads_to(ADDED), "{}", answer.text());
        }
        assert_eq!(keeper.pieces(), [8 + had]);
        for device in [&mut phone, &mut laptop] {
            device.open("/cart").await;
            assert!(shows(device, 8 + had), "{}", device.page);
        }
    }
}

#[tokio::test]
async fn a_quantity_that_was_set_is_the_last_word_about_what_another_device_added_meanwhile() {
    let (stage, keeper) = Stage::with_account().await;
    let (mut phone, mut laptop) = (logged_in(&stage).await, logged_in(&stage).await);
    phone.take_a_lamp().await;
    phone.take_a_lamp().await;
    phone.open("/cart").await;
    let before = keeper.kept();
    laptop.take_a_lamp().await;
    assert_eq!(keeper.pieces(), [3]);
    keeper.next_find(1, &before);
    assert!(phone.submit("/cart/update", &[("quantity", "1")]).await.leads_to("/cart"));
    assert_eq!(keeper.pieces(), [1]);
    let before = keeper.kept();
    laptop.take_a_lamp().await;
    keeper.next_find(1, &before);
    assert!(phone.submit("/cart/remove", &[]).await.leads_to("/cart"));
    assert!(keeper.pieces().is_empty());
    phone.open("/cart").await;
    assert!(phone.page.contains("Nothing in it yet"), "{}", phone.page);
}

#[tokio::test]
async fn a_change_that_others_overtake_each_time_is_not_made_and_the_page_says_so() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    phone.take_a_lamp().await;
    for (page, form, quantity, after) in [
        ("/p/lamp", "/cart/add", "1", vec![2]),
        ("/cart", "/cart/update", "5", vec![5]),
        ("/cart", "/cart/remove", "", vec![]),
    ] {
        phone.open(page).await;
        let (shown, before) = (phone.page.clone(), keeper.pieces());
        keeper.is_overtaken(true);
        let answer = phone.submit(form, &[("quantity", quantity)]).await;
        assert!(answer.leads_to(MISSED), "{form}: {}", answer.text());
        assert_eq!(keeper.pieces(), before, "{form}");
        phone.open(MISSED).await;
        assert!(phone.page.contains("That was not done") && shows(&phone, before[0]), "{}", phone.page);
        keeper.is_overtaken(false);
        phone.page = shown;
        assert!(!phone.submit(form, &[("quantity", quantity)]).await.leads_to(MISSED), "{form}");
        assert_eq!(keeper.pieces(), after, "{form}");
    }
}

impl Stage {
    /// The next cart that identity is asked to keep is not kept, and its answer says nothing.
    async fn keeps_not_the_next(&self) {
        let put = Mock::given(method("PUT")).respond_with(silent());
        put.up_to_n_times(1).with_priority(1).mount(&self.identity).await;
    }
}

#[tokio::test]
async fn a_piece_that_the_larger_number_swallows_is_told_wherever_it_is_found() {
    for is_found_late in [false, true] {
        let (stage, keeper) = Stage::with_account().await;
        let (mut phone, mut laptop) = (logged_in(&stage).await, logged_in(&stage).await);
        phone.take_a_lamp().await;
        laptop.open("/cart").await;
        stage.keeps_not_the_next().await;
        phone.take_a_lamp().await;
        let before = keeper.kept();
        laptop.take_a_lamp().await;
        assert_eq!(keeper.pieces(), [2], "the phone's second is not among them");
        if is_found_late {
            // The page looks before the laptop's press, and has the cart kept after it.
            keeper.next_find(1, &before);
        }
        phone.open(ADDED).await;
        assert!(phone.page.contains(JOINED) && !phone.page.contains(GREEN), "{}", phone.page);
        assert!(shows(&phone, 2) && keeper.pieces() == [2], "{}", phone.page);
        phone.open(ADDED).await;
        assert!(!phone.page.contains(JOINED) && phone.page.contains(GREEN), "{}", phone.page);
    }
}

#[tokio::test]
async fn the_next_press_a_log_in_and_the_checkout_tell_it_too() {
    let (stage, keeper) = Stage::with_account().await;
    let (mut phone, mut laptop) = (logged_in(&stage).await, logged_in(&stage).await);
    phone.take_a_lamp().await;
    phone.open("/p/lamp").await;
    stage.keeps_not_the_next().await;
    assert!(phone.submit("/cart/add", &[("quantity", "1")]).await.leads_to(ADDED));
    laptop.take_a_lamp().await;
    let answer = phone.submit("/cart/add", &[("quantity", "1")]).await;
    assert!(answer.leads_to("/cart?added=lamp&joined=1"), "{:?}", answer.headers);
    assert_eq!(keeper.pieces(), [3], "of two and two the larger, and one more");
    phone.open("/cart?added=lamp&joined=1").await;
    assert!(phone.page.contains(JOINED), "{}", phone.page);
    // The session on the phone runs out.
    phone.cookies.remove("session");
    phone.take_a_lamp().await;
    laptop.take_a_lamp().await;
    phone.open("/login?return_to=/checkout").await;
    let known = [("email", "kim@example.com"), ("password", "a long enough one")];
    assert!(phone.submit("/login", &known).await.leads_to("/cart?joined=1"), "not to the checkout");
    assert_eq!(keeper.pieces(), [4]);
    phone.open("/cart?joined=1").await;
    assert!(phone.page.contains(JOINED) && shows(&phone, 4), "{}", phone.page);
    stage.keeps_not_the_next().await;
    phone.take_a_lamp().await;
    laptop.take_a_lamp().await;
    phone.open("/checkout").await;
    assert!(phone.page.contains(JOINED), "{}", phone.page);
}

#[tokio::test]
async fn a_quantity_of_what_another_device_took_out_is_not_set_and_the_page_says_so() {
    let (stage, keeper) = Stage::with_account().await;
    let (mut phone, mut laptop) = (logged_in(&stage).await, logged_in(&stage).await);
    phone.take_a_lamp().await;
    for device in [&mut phone, &mut laptop] {
        device.open("/cart").await;
    }
    assert!(laptop.submit("/cart/remove", &[]).await.leads_to("/cart"));
    let answer = phone.submit("/cart/update", &[("quantity", "3")]).await;
    assert!(answer.leads_to(MISSED) && keeper.pieces().is_empty(), "{:?}", answer.headers);
    assert!(phone.submit("/cart/remove", &[]).await.leads_to("/cart"), "it is out of it");
}

#[tokio::test]
async fn while_identity_is_away_the_page_says_where_it_is_what_was_put_in() {
    let (stage, keeper) = Stage::with_account().await;
    let mut phone = logged_in(&stage).await;
    phone.take_a_lamp().await;
    keeper.is_away(true);
    phone.take_a_lamp().await;
    phone.open(ADDED).await;
    assert!(phone.page.contains("is in your cart on this device") && shows(&phone, 2), "{}", phone.page);
    keeper.is_away(false);
    phone.open(ADDED).await;
    assert!(phone.page.contains("</strong> is in your cart.") && shows(&phone, 2), "{}", phone.page);
    assert_eq!(keeper.pieces(), [2]);
    // It goes away between looking and keeping.
    stage.keeps_not_the_next().await;
    phone.take_a_lamp().await;
    assert_eq!(keeper.pieces(), [2]);
    phone.open(ADDED).await;
    assert!(phone.page.contains("</strong> is in your cart.") && shows(&phone, 3), "{}", phone.page);
    assert_eq!(keeper.pieces(), [3]);
}
