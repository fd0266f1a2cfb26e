use super::{NODE, NODE_LABELS, POD, POD_LABELS, around, assert_group, attached, block, object};
use crate::kubernetes::discovery::endpoints::endpoints_group;

const SERVICE: &str = "
kind: Service
metadata: {name: web, namespace: shop, labels: {tier: front}}
";

/// One address of a pod, one that is not ready, and one of a machine outside.
const ENDPOINTS: &str = "
metadata: {name: web, namespace: shop, labels: {own: x}, annotations: {a.b: c}}
subsets:
- ports: [{name: http, port: 8080, protocol: TCP}]
  addresses:
  - {ip: 10.0.0.5, nodeName: n1, targetRef: {kind: Pod, name: web-1, namespace: shop}}
  - {ip: 10.1.0.1, hostname: outside}
  notReadyAddresses:
  - {ip: 10.0.0.6, targetRef: {kind: Pod, name: gone, namespace: shop}}
";

const LABELS: &str = "endpoints_annotation_a_b=c
endpoints_annotationpresent_a_b=true
endpoints_label_own=x
endpoints_labelpresent_own=true
endpoints_name=web
namespace=shop";

const SERVICE_LABELS: &str = "service_label_tier=front
service_labelpresent_tier=true
service_name=web";

const OF_POD: &str = "__address__=10.0.0.5:8080
endpoint_address_target_kind=Pod
endpoint_address_target_name=web-1
endpoint_node_name=n1
endpoint_port_name=http
endpoint_port_protocol=TCP
endpoint_ready=true";

const OUTSIDE: &str = "__address__=10.1.0.1:8080
endpoint_hostname=outside
endpoint_port_name=http
endpoint_port_protocol=TCP
endpoint_ready=true";

const NOT_READY: &str = "__address__=10.0.0.6:8080
endpoint_address_target_kind=Pod
endpoint_address_target_name=gone
endpoint_port_name=http
endpoint_port_protocol=TCP
endpoint_ready=false";

const HTTP_PORT: &str = "pod_container_image=web:1
pod_container_init=false
pod_container_name=app
pod_container_port_name=http
pod_container_port_number=8080
pod_container_port_protocol=TCP";

/// Ports of the pod that the service does not name.
const OTHERS: [&str; 2] = [
    "__address__=10.0.0.5:8125
    pod_container_image=web:1
    pod_container_init=false
    pod_container_name=app
    pod_container_port_number=8125
    pod_container_port_protocol=UDP",
    "__address__=10.0.0.5:9000
    pod_container_image=migrate:3
    pod_container_init=true
    pod_container_name=migrate
    pod_container_port_name=setup
    pod_container_port_number=9000
    pod_container_port_protocol=TCP",
];

fn expected(of_pod: &[&str], labels: &[&str]) -> String {
    let of_pod = block("-", &[&[OF_POD, POD_LABELS, HTTP_PORT], of_pod].concat());
    let others = OTHERS.map(|other| block("-", &[other, POD_LABELS])).concat();
    let group = block(" ", &[&[LABELS], labels].concat());
    format!(
        "endpoints/shop/web\n{group}{of_pod}{}{}{others}",
        block("-", &[OUTSIDE]),
        block("-", &[NOT_READY])
    )
}

#[test]
fn endpoints_are_told_of_their_service_and_pods_and_have_the_pods_other_ports() {
    let group = endpoints_group(&object(ENDPOINTS), &around(&format!("{SERVICE}\n---\n{POD}")));
    assert_group(&group, &expected(&[], &[SERVICE_LABELS]));
}

#[test]
fn endpoints_without_a_service_have_no_labels_of_one() {
    assert_group(&endpoints_group(&object(ENDPOINTS), &around(POD)), &expected(&[], &[]));
}

#[test]
fn endpoints_are_told_of_their_nodes_where_that_is_wanted() {
    let group = endpoints_group(&object(ENDPOINTS), &attached(&format!("{POD}\n---\n{NODE}")));
    assert_group(&group, &expected(&[NODE_LABELS], &[]));
}

#[test]
fn an_address_may_be_a_node() {
    let kubelet = "{metadata: {name: kubelet, namespace: kube-system}, subsets: [{ports: [{port: 10250}], \
        addresses: [{ip: 192.168.0.1, targetRef: {kind: Node, name: n1}}]}]}";
    let group = endpoints_group(&object(kubelet), &attached(NODE));
    let labels = &group.targets[0];
    assert_eq!(labels["__meta_kubernetes_node_name"], "n1");
    assert_eq!(labels["__meta_kubernetes_endpoint_address_target_kind"], "Node");
}

#[test]
fn pods_without_an_address_have_no_other_ports() {
    let starting = POD.replace("podIP: 10.0.0.5", "podIP: ''");
    let group = endpoints_group(&object(ENDPOINTS), &around(&starting));
    assert_eq!(group.targets.len(), 3);
}

#[test]
fn endpoints_without_addresses_are_no_targets() {
    let empty = endpoints_group(&object("{metadata: {name: a, namespace: b}}"), &around(POD));
    assert_group(&empty, "endpoints/b/a\n  endpoints_name=a\n  namespace=b\n");
}
