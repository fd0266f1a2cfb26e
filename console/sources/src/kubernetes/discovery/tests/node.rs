use super::{NODE, NODE_LABELS, assert_group, block, object};
use crate::kubernetes::discovery::node::node_group;

#[test]
fn a_node_is_its_kubelet_at_the_best_address() {
    let labels = "node_condition_memorypressure=unknown
        node_condition_ready=true
        node_provider_id=aws:///z1/i-1";
    let target = "__address__=192.168.0.1:10250
        instance=n1
        node_address_ExternalIP=203.0.113.1
        node_address_Hostname=n1.test
        node_address_InternalIP=192.168.0.1";
    let expected = format!("node/n1\n{}{}", block(" ", &[labels, NODE_LABELS]), block("-", &[target]));
    assert_group(&node_group(&object(NODE)), &expected);
}

#[test]
fn addresses_have_their_order() {
    let address = |types: &[(&str, &str)]| {
        let list: Vec<String> = types.iter().map(|(t, a)| format!("{{type: {t}, address: '{a}'}}")).collect();
        let node = format!("{{metadata: {{name: n1}}, status: {{addresses: [{}]}}}}", list.join(", "));
        node_group(&object(&node)).targets[0]["__address__"].clone()
    };
    let mut all = vec![
        ("Hostname", "f"),
        ("LegacyHostIP", "e"),
        ("ExternalDNS", "d"),
        ("ExternalIP", "fd00::c"),
        ("InternalDNS", "b"),
        ("InternalIP", "a"),
    ];
    for expected in ["a:0", "b:0", "[fd00::c]:0", "d:0", "e:0", "f:0"] {
        assert_eq!(address(&all), expected);
        all.pop();
    }
}

#[test]
fn a_node_without_an_address_is_no_target() {
    let bare =
        node_group(&object("{metadata: {name: n1}, status: {addresses: [{type: Other, address: a}]}}"));
    assert_group(&bare, "node/n1\n");
}
