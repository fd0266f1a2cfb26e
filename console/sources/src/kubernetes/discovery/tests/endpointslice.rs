use super::{NODE, NODE_LABELS, POD, POD_LABELS, around, assert_group, attached, block, object};
use crate::kubernetes::discovery::endpointslice::endpointslice_group;

const SERVICE: &str = "
kind: Service
metadata: {name: web, namespace: shop, labels: {tier: front}}
spec: {ipFamilyPolicy: SingleStack, ipFamilies: [IPv4]}
";

const SLICE: &str = "
metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP, appProtocol: http}]
endpoints:
- addresses: [10.0.0.5]
  conditions: {ready: true, serving: true, terminating: false}
  hostname: web-1
  nodeName: n1
  zone: z1
  deprecatedTopology: {kubernetes.io/hostname: n1}
  targetRef: {kind: Pod, name: web-1, namespace: shop}
- addresses: [10.1.0.1]
";

const LABELS: &str = "endpointslice_address_type=IPv4
endpointslice_label_kubernetes_io_service_name=web
endpointslice_labelpresent_kubernetes_io_service_name=true
endpointslice_name=web-x
namespace=shop";

const SERVICE_LABELS: &str = "service_label_tier=front
service_labelpresent_tier=true
service_name=web";

const OF_POD: &str = "__address__=10.0.0.5:8080
endpointslice_address_target_kind=Pod
endpointslice_address_target_name=web-1
endpointslice_endpoint_conditions_ready=true
endpointslice_endpoint_conditions_serving=true
endpointslice_endpoint_conditions_terminating=false
endpointslice_endpoint_hostname=web-1
endpointslice_endpoint_node_name=n1
endpointslice_endpoint_topology_kubernetes_io_hostname=n1
endpointslice_endpoint_topology_present_kubernetes_io_hostname=true
endpointslice_endpoint_zone=z1
endpointslice_port=8080
endpointslice_port_app_protocol=http
endpointslice_port_name=http
endpointslice_port_protocol=TCP
pod_container_image=web:1
pod_container_init=false
pod_container_name=app
pod_container_port_name=http
pod_container_port_number=8080
pod_container_port_protocol=TCP";

const OUTSIDE: &str = "__address__=10.1.0.1:8080
endpointslice_port=8080
endpointslice_port_app_protocol=http
endpointslice_port_name=http
endpointslice_port_protocol=TCP";

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
    let of_pod = block("-", &[&[OF_POD, POD_LABELS], of_pod].concat());
    let others = OTHERS.map(|other| block("-", &[other, POD_LABELS])).concat();
    let group = block(" ", &[&[LABELS], labels].concat());
    format!("endpointslice/shop/web-x\n{group}{of_pod}{}{others}", block("-", &[OUTSIDE]))
}

#[test]
fn slices_are_told_of_their_service_and_pods_and_have_the_pods_other_ports() {
    let group = endpointslice_group(&object(SLICE), &around(&format!("{SERVICE}\n---\n{POD}")));
    assert_group(&group, &expected(&[], &[SERVICE_LABELS]));
}

#[test]
fn slices_are_told_of_their_nodes_where_that_is_wanted() {
    let group = endpointslice_group(&object(SLICE), &attached(&format!("{POD}\n---\n{NODE}")));
    assert_group(&group, &expected(&[NODE_LABELS], &[]));
}

#[test]
fn a_service_of_two_families_is_asked_at_its_first_alone() {
    let dual = SERVICE.replace("SingleStack", "PreferDualStack").replace("[IPv4]", "[IPv6, IPv4]");
    let group = endpointslice_group(&object(SLICE), &around(&dual));
    assert_group(&group, &format!("endpointslice/shop/web-x\n{}", block(" ", &[LABELS, SERVICE_LABELS])));
    let first = dual.replace("[IPv6, IPv4]", "[IPv4, IPv6]");
    assert_eq!(endpointslice_group(&object(SLICE), &around(&first)).targets.len(), 2);
}

#[test]
fn a_port_may_be_any() {
    let any = SLICE.replace("[{name: http, port: 8080, protocol: TCP, appProtocol: http}]", "[{name: all}]");
    let group = endpointslice_group(&object(&any), &around(POD));
    let addresses: Vec<&str> = group.targets.iter().map(|t| &*t["__address__"]).collect();
    assert_eq!(addresses, ["10.0.0.5", "10.1.0.1", "10.0.0.5:8080", "10.0.0.5:8125", "10.0.0.5:9000"]);
}
