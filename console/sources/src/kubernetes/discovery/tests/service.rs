use super::{NAMESPACE, NAMESPACE_LABELS, around, assert_group, attached, block, object};
use crate::kubernetes::discovery::service::service_group;

const SERVICE: &str = "
kind: Service
metadata: {name: web, namespace: shop, labels: {tier: front}, annotations: {prometheus.io/probe: 'true'}}
spec:
  type: ClusterIP
  clusterIP: 10.96.0.7
  ports:
  - {name: http, port: 80, protocol: TCP}
  - {port: 8125, protocol: UDP}
";

const LABELS: &str = "namespace=shop
service_annotation_prometheus_io_probe=true
service_annotationpresent_prometheus_io_probe=true
service_label_tier=front
service_labelpresent_tier=true
service_name=web";

#[test]
fn a_service_has_a_target_a_port_at_its_name() {
    let http = "__address__=web.shop.svc:80
        service_cluster_ip=10.96.0.7
        service_port_name=http
        service_port_number=80
        service_port_protocol=TCP
        service_type=ClusterIP";
    let statsd = "__address__=web.shop.svc:8125
        service_cluster_ip=10.96.0.7
        service_port_number=8125
        service_port_protocol=UDP
        service_type=ClusterIP";
    let targets = block("-", &[http]) + &block("-", &[statsd]);
    let expected = format!("svc/shop/web\n{}{targets}", block(" ", &[LABELS]));
    assert_group(&service_group(&object(SERVICE), &around("{}")), &expected);
    let expected = format!("svc/shop/web\n{}{targets}", block(" ", &[LABELS, NAMESPACE_LABELS]));
    assert_group(&service_group(&object(SERVICE), &attached(NAMESPACE)), &expected);
}

#[test]
fn what_a_service_is_reached_by_depends_on_its_type() {
    let target = |spec: &str| {
        let yaml = format!("{{metadata: {{name: a, namespace: b}}, spec: {{ports: [{{port: 1}}], {spec}}}}}");
        let target = service_group(&object(&yaml), &around("{}")).targets.remove(0);
        let get = |name: &str| {
            target.get(&format!("__meta_kubernetes_service_{name}")).cloned().unwrap_or_default()
        };
        [get("cluster_ip"), get("external_name"), get("loadbalancer_ip")].join("|")
    };
    assert_eq!(target("type: NodePort, clusterIP: c"), "c||");
    assert_eq!(target("type: ExternalName, externalName: e, clusterIP: c"), "|e|");
    assert_eq!(target("type: LoadBalancer, clusterIP: c, loadBalancerIP: asked"), "c||asked");
    let yaml = "{metadata: {name: a, namespace: b}, spec: {ports: [{port: 1}], type: LoadBalancer, loadBalancerIP: asked}, \
        status: {loadBalancer: {ingress: [{ip: x}, {hostname: h}, {ip: z}]}}}";
    let target = service_group(&object(yaml), &around("{}")).targets.remove(0);
    assert_eq!(target["__meta_kubernetes_service_loadbalancer_ip"], "x,z");
}
