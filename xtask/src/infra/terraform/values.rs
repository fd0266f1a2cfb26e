//! Values that AWS takes, in an environment's whole plan: types of instances, names of classes, protocols, modes. The lists
//! are AWS' own service models, which come with the SDK that checkov brings (botocore).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde_json::Value;

use super::{
    super::{Outcome, Tree, folder, program},
    provider,
    workspace::Workspace,
};

/// Resource, attribute (at whatever depth), and the service's enumeration.
const TAKEN: [(&str, &str, &str, &str); 36] = [
    ("aws_acm_certificate", "validation_method", "acm", "ValidationMethod"),
    ("aws_budgets_budget", "budget_type", "budgets", "BudgetType"),
    ("aws_budgets_budget", "notification_type", "budgets", "NotificationType"),
    ("aws_budgets_budget", "time_unit", "budgets", "TimeUnit"),
    ("aws_cloudfront_distribution", "http_version", "cloudfront", "HttpVersion"),
    ("aws_cloudfront_distribution", "minimum_protocol_version", "cloudfront", "MinimumProtocolVersion"),
    ("aws_cloudfront_distribution", "price_class", "cloudfront", "PriceClass"),
    ("aws_cloudfront_distribution", "viewer_protocol_policy", "cloudfront", "ViewerProtocolPolicy"),
    ("aws_cloudfront_function", "runtime", "cloudfront", "FunctionRuntime"),
    (
        "aws_cloudfront_origin_request_policy",
        "header_behavior",
        "cloudfront",
        "OriginRequestPolicyHeaderBehavior",
    ),
    ("aws_cloudwatch_metric_alarm", "comparison_operator", "cloudwatch", "ComparisonOperator"),
    ("aws_cloudwatch_metric_alarm", "statistic", "cloudwatch", "Statistic"),
    ("aws_ecr_repository", "encryption_type", "ecr", "EncryptionType"),
    ("aws_ecr_repository", "image_tag_mutability", "ecr", "ImageTagMutability"),
    ("aws_ecr_registry_scanning_configuration", "scan_type", "ecr", "ScanType"),
    ("aws_eks_cluster", "authentication_mode", "eks", "AuthenticationMode"),
    ("aws_eks_cluster", "enabled_cluster_log_types", "eks", "LogType"),
    ("aws_eks_cluster", "support_type", "eks", "SupportType"),
    ("aws_eks_node_group", "ami_type", "eks", "AMITypes"),
    ("aws_eks_node_group", "capacity_type", "eks", "CapacityTypes"),
    ("aws_eks_node_group", "instance_types", "ec2", "InstanceType"),
    ("aws_flow_log", "log_destination_type", "ec2", "LogDestinationType"),
    ("aws_flow_log", "traffic_type", "ec2", "TrafficType"),
    ("aws_lambda_function", "architectures", "lambda", "Architecture"),
    ("aws_lambda_function", "runtime", "lambda", "Runtime"),
    ("aws_launch_template", "volume_type", "ec2", "VolumeType"),
    ("aws_lb", "load_balancer_type", "elbv2", "LoadBalancerTypeEnum"),
    ("aws_lb_listener", "protocol", "elbv2", "ProtocolEnum"),
    ("aws_lb_target_group", "target_type", "elbv2", "TargetTypeEnum"),
    ("aws_s3_bucket_object_lock_configuration", "mode", "s3", "ObjectLockRetentionMode"),
    ("aws_s3_bucket_ownership_controls", "object_ownership", "s3", "ObjectOwnership"),
    ("aws_s3_bucket_replication_configuration", "storage_class", "s3", "StorageClass"),
    ("aws_s3_bucket_server_side_encryption_configuration", "sse_algorithm", "s3", "ServerSideEncryption"),
    ("aws_ssm_parameter", "tier", "ssm", "ParameterTier"),
    ("aws_vpc_endpoint", "vpc_endpoint_type", "ec2", "VpcEndpointType"),
    ("aws_wafv2_web_acl", "scope", "wafv2", "Scope"),
];

/// Prints the enumerations of the service models that are named, as JSON: the models are too large for us to read all.
const READ: &str = "import gzip, json, sys
found = {}
for path in sys.argv[1:]:
    shapes = json.load(gzip.open(path))['shapes']
    found[path] = {name: shape['enum'] for name, shape in shapes.items() if 'enum' in shape}
json.dump(found, sys.stdout)";

pub fn hold(tree: &Tree, name: &str) -> Result<Outcome, String> {
    let Some(workspace) = Workspace::open(tree, name)? else { return Ok(provider::absent()) };
    workspace.terraform(&["plan", "-no-color", "-input=false", "-refresh=false", "-out=plan"])?;
    let shown = workspace.terraform(&["show", "-json", "plan"])?;
    let plan: Value = serde_json::from_str(&shown).map_err(|e| format!("terraform show: {e}"))?;
    let resources = plan["resource_changes"].as_array().ok_or("the plan has no resources")?;
    let models = models()?;
    let (mut looked_at, mut wrong) = (0, BTreeSet::new());
    for (kind, attribute, service, shape) in TAKEN {
        let taken = models.get(service).and_then(|m| m.get(shape));
        let taken = taken.ok_or_else(|| format!("the model of {service} has no {shape}"))?;
        let mut found = Vec::new();
        for resource in resources.iter().filter(|r| r["type"] == kind) {
            collect(&resource["change"]["after"], attribute, &mut found);
        }
        if found.is_empty() {
            return Err(format!("nothing in {name} has {kind}.{attribute}: the list of values is old"));
        }
        looked_at += found.len();
        let strange = found.into_iter().filter(|value| !taken.contains(value));
        wrong.extend(strange.map(|value| format!("{kind}.{attribute}: AWS has no {value:?}")));
    }
    if wrong.is_empty() {
        Ok(Outcome::Passed(format!("{} resources, {looked_at} values", resources.len())))
    } else {
        Err(wrong.into_iter().collect::<Vec<_>>().join("\n"))
    }
}

/// The strings of an attribute of that name, however deep; a list gives each of its own.
fn collect(value: &Value, attribute: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, attribute, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == attribute => found.push(text.clone()),
                    Value::Array(items) if name == attribute => {
                        found.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    _ => collect(field, attribute, found),
                }
            }
        }
        _ => {}
    }
}

type Models = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn models() -> Result<Models, String> {
    let services: BTreeSet<&str> = TAKEN.iter().map(|(_, _, service, _)| *service).collect();
    let data = service_models()?;
    let mut files = BTreeMap::new();
    for service in services {
        let dir = data.join(service);
        let version = folder::folders(&dir)?.pop().ok_or_else(|| format!("{} is empty", dir.display()))?;
        files.insert(dir.join(version).join("service-2.json.gz").display().to_string(), service.to_owned());
    }
    let mut python = program::command("python3")?;
    let printed = program::output(python.args(["-c", READ]).args(files.keys()))?;
    let read: Models = serde_json::from_str(&printed).map_err(|e| format!("service models: {e}"))?;
    Ok(read.into_iter().filter_map(|(file, shapes)| Some((files.get(&file)?.clone(), shapes))).collect())
}

/// The SDK's data in the environment that checkov has to itself.
fn service_models() -> Result<PathBuf, String> {
    let checkov = xtask_programs::path("checkov")?;
    let real = checkov.canonicalize().map_err(|e| format!("{}: {e}", checkov.display()))?;
    let libraries = real.ancestors().nth(2).unwrap_or(&real).join("lib");
    for name in folder::folders(&libraries)? {
        let data = libraries.join(name).join("site-packages/botocore/data");
        if data.is_dir() {
            return Ok(data);
        }
    }
    Err(format!(
        "no service models of AWS lie below {}: `xtask/setup.sh infra` installs checkov with them",
        libraries.display()
    ))
}
