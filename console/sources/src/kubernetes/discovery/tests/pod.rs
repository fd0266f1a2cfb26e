use super::{
    NAMESPACE, NAMESPACE_LABELS, NODE, NODE_LABELS, POD, POD_LABELS, around, assert_group, attached, block,
    object, pod,
};
use crate::kubernetes::discovery::pod::pod_group;

fn targets() -> String {
    let http = "__address__=10.0.0.5:8080
        pod_container_id=containerd://aa
        pod_container_image=web:1
        pod_container_init=false
        pod_container_name=app
        pod_container_port_name=http
        pod_container_port_number=8080
        pod_container_port_protocol=TCP";
    let statsd = "__address__=10.0.0.5:8125
        pod_container_id=containerd://aa
        pod_container_image=web:1
        pod_container_init=false
        pod_container_name=app
        pod_container_port_number=8125
        pod_container_port_protocol=UDP";
    let sidecar = "__address__=10.0.0.5
        pod_container_image=proxy:2
        pod_container_init=false
        pod_container_name=sidecar";
    let migrate = "__address__=10.0.0.5:9000
        pod_container_id=containerd://bb
        pod_container_image=migrate:3
        pod_container_init=true
        pod_container_name=migrate
        pod_container_port_name=setup
        pod_container_port_number=9000
        pod_container_port_protocol=TCP";
    [http, statsd, sidecar, migrate].map(|target| block("-", &[target])).concat()
}

#[test]
fn a_pod_has_a_target_a_port_and_one_for_a_container_without_ports() {
    let expected = format!("pod/shop/web-1\n{}{}", block(" ", &["namespace=shop", POD_LABELS]), targets());
    assert_group(&pod_group(&pod(), &around("{}")), &expected);
}

#[test]
fn a_pod_is_told_of_its_node_and_namespace_where_that_is_wanted() {
    let labels = ["namespace=shop", POD_LABELS, NODE_LABELS, NAMESPACE_LABELS];
    let expected = format!("pod/shop/web-1\n{}{}", block(" ", &labels), targets());
    assert_group(&pod_group(&pod(), &attached(&format!("{NODE}\n---\n{NAMESPACE}"))), &expected);
}

#[test]
fn a_pod_on_a_node_that_is_not_among_the_wanted_ones_is_no_target() {
    assert_group(&pod_group(&pod(), &attached(&NODE.replace("name: n1", "name: n2"))), "pod/shop/web-1\n");
}

#[test]
fn a_pod_without_an_address_is_no_target() {
    let starting = object(&POD.replace("podIP: 10.0.0.5", "podIP: ''"));
    assert_group(&pod_group(&starting, &around("{}")), "pod/shop/web-1\n");
    let new = object("{metadata: {name: a, namespace: b}, spec: {containers: [{name: c}]}}");
    assert_group(&pod_group(&new, &around("{}")), "pod/b/a\n");
}

#[test]
fn addresses_of_ipv6_have_brackets_only_before_a_port() {
    let group = pod_group(&object(&POD.replace("podIP: 10.0.0.5", "podIP: 'fd00::5'")), &around("{}"));
    let addresses: Vec<&str> = group.targets.iter().map(|t| &*t["__address__"]).collect();
    assert_eq!(addresses, ["[fd00::5]:8080", "[fd00::5]:8125", "fd00::5", "[fd00::5]:9000"]);
}

#[test]
fn a_pod_that_nothing_is_known_of_is_of_unknown_readiness() {
    let yaml = "{metadata: {name: a, namespace: b}, spec: {containers: [{name: c}]}, status: {podIP: x}}";
    assert_eq!(pod_group(&object(yaml), &around("{}")).labels["__meta_kubernetes_pod_ready"], "unknown");
}
