use super::{NAMESPACE, NAMESPACE_LABELS, around, assert_group, attached, block, object};
use crate::kubernetes::discovery::ingress::ingress_group;

const INGRESS: &str = "
metadata: {name: edge, namespace: shop, labels: {a: b}, annotations: {c/d: e}}
spec:
  ingressClassName: nginx
  tls: [{hosts: ['*.secure.test']}, {}]
  rules:
  - host: www.secure.test
    http:
      paths:
      - {path: /cart, pathType: Prefix, backend: {}}
      - {pathType: Prefix, backend: {}}
  - host: plain.test
";

const LABELS: &str = "ingress_annotation_c_d=e
ingress_annotationpresent_c_d=true
ingress_class_name=nginx
ingress_label_a=b
ingress_labelpresent_a=true
ingress_name=edge
namespace=shop";

#[test]
fn an_ingress_has_a_target_a_path_at_the_host() {
    let target = |host: &str, path: &str, scheme: &str| {
        let all =
            format!("__address__={host}\ningress_host={host}\ningress_path={path}\ningress_scheme={scheme}");
        block("-", &[&all])
    };
    let targets = [
        target("www.secure.test", "/cart", "https"),
        target("www.secure.test", "/", "https"),
        target("plain.test", "/", "http"),
    ];
    let expected = |labels: &[&str]| format!("ingress/shop/edge\n{}{}", block(" ", labels), targets.concat());
    assert_group(&ingress_group(&object(INGRESS), &around("{}")), &expected(&[LABELS]));
    let with_namespace = ingress_group(&object(INGRESS), &attached(NAMESPACE));
    assert_group(&with_namespace, &expected(&[LABELS, NAMESPACE_LABELS]));
}

#[test]
fn a_rule_for_every_host_has_no_address() {
    let group =
        ingress_group(&object("{metadata: {name: a, namespace: b}, spec: {rules: [{}]}}"), &around("{}"));
    assert_eq!(group.targets.len(), 1);
    assert_eq!(group.targets[0].get("__address__"), None);
}
