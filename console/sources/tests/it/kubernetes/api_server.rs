//! A small API server: lists in pages and watches with resource versions, bookmarks and expiry, as kube-apiserver does
//! (kubernetes.io/docs/reference/using-api/api-concepts), and fails as it does when a test wants that.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    convert::Infallible,
    io,
    path::PathBuf,
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use futures::stream;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;

pub const TOKEN: &str = "a-service-account's";

/// A resource of the server: `apis/apps/v1` and `deployments`.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    pub group_version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
}

pub const KUSTOMIZATIONS: Resource = Resource {
    group_version: "apis/kustomize.toolkit.fluxcd.io/v1",
    plural: "kustomizations",
    kind: "Kustomization",
};
pub const GIT_REPOSITORIES: Resource = Resource {
    group_version: "apis/source.toolkit.fluxcd.io/v1",
    plural: "gitrepositories",
    kind: "GitRepository",
};
pub const HELM_RELEASES: Resource =
    Resource { group_version: "apis/helm.toolkit.fluxcd.io/v2", plural: "helmreleases", kind: "HelmRelease" };
pub const DEPLOYMENTS: Resource =
    Resource { group_version: "apis/apps/v1", plural: "deployments", kind: "Deployment" };
pub const STATEFUL_SETS: Resource =
    Resource { group_version: "apis/apps/v1", plural: "statefulsets", kind: "StatefulSet" };
pub const EVENTS: Resource = Resource { group_version: "api/v1", plural: "events", kind: "Event" };

/// Serves until it is dropped.
pub struct ApiServer {
    shared: Arc<Shared>,
    folder: tempfile::TempDir,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    world: Mutex<World>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct World {
    version: u64,
    /// Watches from before this have expired.
    oldest: u64,
    /// Raised to cut every connection that watches.
    cuts: u64,
    /// How many objects a page of a list has.
    page: usize,
    installed: BTreeSet<String>,
    objects: BTreeMap<(String, String, String), Value>,
    told: Vec<Told>,
    /// By resource, or path in a namespace, and verb (`list`, `watch`).
    refused: HashMap<(String, &'static str), Refusal>,
    requests: Vec<String>,
    open: usize,
}

#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    Forbidden,
    Unavailable,
    /// No answer at all.
    Silent,
    /// A good answer that is over at once.
    Ended,
    /// Blanks, as many as are read.
    Endless,
}

struct Told {
    version: u64,
    resource: String,
    /// None: to every watch of the resource.
    namespace: Option<String>,
    line: String,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ApiServer {
    /// With every resource of this file.
    pub async fn start() -> Self {
        let all = [KUSTOMIZATIONS, GIT_REPOSITORIES, HELM_RELEASES, DEPLOYMENTS, STATEFUL_SETS, EVENTS];
        Self::start_with(&all).await
    }

    pub async fn start_with(all: &[Resource]) -> Self {
        let installed = all.iter().map(Resource::path).collect();
        let world = World { version: 100, page: 500, installed, ..World::default() };
        let shared = Arc::new(Shared { world: Mutex::new(world), changed: watch::channel(0).0 });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "console", "user": {"token": TOKEN}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "console"}}],
        });
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
        Self { shared, folder, task }
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Creates or changes an object, by its namespace and name.
    pub fn put(&self, resource: Resource, mut object: Value) {
        self.change(|world| {
            let key = key(resource, &object);
            let told = if world.objects.contains_key(&key) { "MODIFIED" } else { "ADDED" };
            world.stamp(resource, &mut object);
            world.tell(resource, told, &object);
            world.objects.insert(key, object);
        });
    }

    /// Likewise, and no watch is told.
    pub fn put_untold(&self, resource: Resource, mut object: Value) {
        self.change(|world| {
            world.stamp(resource, &mut object);
            world.objects.insert(key(resource, &object), object);
        });
    }

    pub fn delete(&self, resource: Resource, namespace: &str, name: &str) {
        self.change(|world| {
            let key = (resource.path(), namespace.to_owned(), name.to_owned());
            let mut object = world.objects.remove(&key).expect("an object that is there");
            world.stamp(resource, &mut object);
            world.tell(resource, "DELETED", &object);
        });
    }

    /// Tells every watch of the resource how far it is.
    pub fn bookmark(&self, resource: Resource) {
        self.change(|world| {
            world.version += 1;
            let (api_version, version) = (resource.api_version(), world.version);
            let object = json!({"apiVersion": api_version, "kind": resource.kind,
                "metadata": {"resourceVersion": version.to_string(), "creationTimestamp": null}, "spec": {}});
            world.told.push(Told {
                version,
                resource: resource.path(),
                namespace: None,
                line: json!({"type": "BOOKMARK", "object": object}).to_string(),
            });
        });
    }

    /// Forgets all changes up to now, and tells open watches so: what was not told yet is told to nobody.
    pub fn expire(&self) {
        self.change(|world| {
            world.version += 1;
            world.oldest = world.version;
            let (version, line) = (world.version, expired());
            world.told.clear();
            for resource in world.installed.clone() {
                world.told.push(Told { version, resource, namespace: None, line: line.clone() });
            }
        });
    }

    /// Breaks every connection that watches in the middle of its answer.
    pub fn cut(&self) {
        self.change(|world| world.cuts += 1);
    }

    /// From the next request on.
    pub fn refuse(&self, resource: Resource, verb: &'static str, refusal: Refusal) {
        self.change(|world| _ = world.refused.insert((resource.path(), verb), refusal));
    }

    pub fn allow(&self, resource: Resource, verb: &'static str) {
        self.change(|world| _ = world.refused.remove(&(resource.path(), verb)));
    }

    /// From the next request on, in one namespace.
    pub fn refuse_in(&self, namespace: &str, resource: Resource, verb: &'static str, refusal: Refusal) {
        self.change(|world| _ = world.refused.insert((resource.path_in(namespace), verb), refusal));
    }

    pub fn allow_in(&self, namespace: &str, resource: Resource, verb: &'static str) {
        self.change(|world| _ = world.refused.remove(&(resource.path_in(namespace), verb)));
    }

    pub fn uninstall(&self, resource: Resource) {
        self.change(|world| _ = world.installed.remove(&resource.path()));
    }

    pub fn install(&self, resource: Resource) {
        self.change(|world| _ = world.installed.insert(resource.path()));
    }

    pub fn page(&self, objects: usize) {
        self.change(|world| world.page = objects);
    }

    /// Path and query of every request.
    pub fn requests(&self) -> Vec<String> {
        self.shared.world.lock().requests.clone()
    }

    /// Waits until so many watches are open.
    pub async fn until_open(&self, watches: usize) {
        let mut changed = self.shared.changed.subscribe();
        let wait = changed.wait_for(|_| self.shared.world.lock().open == watches);
        let waited = tokio::time::timeout(std::time::Duration::from_secs(10), wait).await;
        assert!(waited.is_ok(), "{} watches are open", self.shared.world.lock().open);
    }

    fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.shared.world.lock());
        self.shared.changed.send_modify(|n| *n += 1);
    }
}

impl Resource {
    fn path(&self) -> String {
        format!("{}/{}", self.group_version, self.plural)
    }

    fn path_in(&self, namespace: &str) -> String {
        format!("{}/namespaces/{namespace}/{}", self.group_version, self.plural)
    }

    fn api_version(&self) -> &str {
        let path = self.group_version;
        path.strip_prefix("apis/").or_else(|| path.strip_prefix("api/")).unwrap_or(path)
    }
}

impl World {
    fn stamp(&mut self, resource: Resource, object: &mut Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        object["apiVersion"] = json!(resource.api_version());
        object["kind"] = json!(resource.kind);
    }

    fn tell(&mut self, resource: Resource, kind: &str, object: &Value) {
        self.told.push(Told {
            version: self.version,
            resource: resource.path(),
            namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
            line: json!({"type": kind, "object": object}).to_string(),
        });
    }

    /// A list, from the position that a continuation names. Its items have neither kind nor version of their API.
    fn list(&self, asked: &Asked) -> Value {
        let start: usize = asked.query.get("continue").map_or(0, |t| t.parse().unwrap());
        let all: Vec<Value> = self
            .objects
            .iter()
            .filter(|((r, ns, _), object)| {
                *r == asked.resource
                    && asked.namespace.as_ref().is_none_or(|wanted| wanted == ns)
                    && asked.selects(object)
            })
            .map(|(_, object)| {
                let mut item = object.clone();
                item.as_object_mut().unwrap().retain(|field, _| field != "apiVersion" && field != "kind");
                item
            })
            .collect();
        let limit = asked.query.get("limit").map_or(usize::MAX, |l| l.parse().unwrap());
        let end = (start + self.page.min(limit)).min(all.len());
        let mut metadata = json!({"resourceVersion": self.version.to_string()});
        if end < all.len() {
            metadata["continue"] = json!(end.to_string());
        }
        json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": all[start..end]})
    }
}

struct Asked {
    resource: String,
    namespace: Option<String>,
    query: HashMap<String, String>,
}

impl Asked {
    fn of(uri: &Uri, query: HashMap<String, String>) -> Self {
        let parts: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
        let at = parts.iter().position(|p| *p == "namespaces");
        let (resource, namespace) = match at {
            // The list of namespaces itself has none behind it.
            Some(i) if i + 2 < parts.len() => (
                format!("{}/{}", parts[..i].join("/"), parts[i + 2..].join("/")),
                Some(parts[i + 1].to_owned()),
            ),
            _ => (parts.join("/"), None),
        };
        Self { resource, namespace, query }
    }
}

impl Asked {
    /// By selectors whose requirements are all `path=value`.
    fn selects(&self, object: &Value) -> bool {
        let holds = |at: &Value, selector: &str| {
            let requirements = self.query.get(selector).map_or("", String::as_str);
            requirements.split(',').filter(|r| !r.is_empty()).all(|requirement| {
                let (path, value) = requirement.split_once('=').expect("path=value");
                let found = if selector == "labelSelector" {
                    &at[path]
                } else {
                    path.split('.').fold(at, |at, part| &at[part])
                };
                found.as_str() == Some(value)
            })
        };
        holds(&object["metadata"]["labels"], "labelSelector") && holds(object, "fieldSelector")
    }

    /// A bookmark and an end are told to everybody.
    fn is_told(&self, line: &str) -> bool {
        let told: Value = serde_json::from_str(line).unwrap();
        matches!(told["type"].as_str(), Some("BOOKMARK" | "ERROR")) || self.selects(&told["object"])
    }
}

/// What is in no namespace has an empty one.
fn key(resource: Resource, object: &Value) -> (String, String, String) {
    let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    (resource.path(), part("namespace"), part("name"))
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "code": code})
}

fn expired() -> String {
    let gone = status(410, "Expired", "too old resource version: 1 (2)");
    json!({"type": "ERROR", "object": gone}).to_string()
}

fn refusal(code: u16, body: &Value) -> Response {
    (StatusCode::from_u16(code).unwrap(), axum::Json(body)).into_response()
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Infallible> {
    if uri.path() == "/version" {
        return Ok(axum::Json(json!({"major": "1", "minor": "36", "gitVersion": "v1.36.0"})).into_response());
    }
    let asked = Asked::of(&uri, query);
    let is_watch = asked.query.get("watch").is_some_and(|w| w == "true" || w == "1");
    let verb = if is_watch { "watch" } else { "list" };
    let refused = {
        let mut world = shared.world.lock();
        world.requests.push(uri.to_string());
        if !world.installed.contains(&asked.resource) {
            return Ok((StatusCode::NOT_FOUND, "404 page not found\n").into_response());
        }
        let of = |path: &str| world.refused.get(&(path.to_owned(), verb)).copied();
        of(&asked.resource).or_else(|| of(uri.path().trim_start_matches('/')))
    };
    if headers.get("authorization").is_none_or(|v| v.as_bytes() != format!("Bearer {TOKEN}").as_bytes()) {
        return Ok(refusal(401, &status(401, "Unauthorized", "Unauthorized")));
    }
    let plural = asked.resource.rsplit('/').next().unwrap_or_default();
    match refused {
        Some(Refusal::Forbidden) => {
            let message = format!(
                "{plural} is forbidden: User \"system:serviceaccount:quarterdeck:console\" cannot {verb} resource \"{plural}\""
            );
            Ok(refusal(403, &status(403, "Forbidden", &message)))
        }
        Some(Refusal::Unavailable) => {
            Ok(refusal(503, &status(503, "ServiceUnavailable", "apiserver is shutting down")))
        }
        Some(Refusal::Silent) => std::future::pending().await,
        Some(Refusal::Ended) => Ok(Response::default()),
        Some(Refusal::Endless) => {
            let blanks = Bytes::from(vec![b' '; 1 << 20]);
            Ok(Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(blanks.clone())))
                .into_response())
        }
        None if is_watch => Ok(follow(shared, asked)),
        None => Ok(axum::Json(shared.world.lock().list(&asked)).into_response()),
    }
}

/// One JSON object a line, for as long as nothing cuts it.
fn follow(shared: Arc<Shared>, asked: Asked) -> Response {
    let from: u64 = asked.query.get("resourceVersion").expect("a watch from a version").parse().unwrap();
    let cuts = shared.world.lock().cuts;
    let watching = Watching { at: from, cuts, open: Open::new(shared), asked };
    Body::from_stream(stream::unfold(Some(watching), |watching| async { watching?.next().await }))
        .into_response()
}

struct Watching {
    open: Open,
    asked: Asked,
    at: u64,
    cuts: u64,
}

type Line = io::Result<Bytes>;

impl Watching {
    async fn next(mut self) -> Option<(Line, Option<Self>)> {
        let mut changed = self.open.0.changed.subscribe();
        loop {
            let step = {
                let world = self.open.0.world.lock();
                if world.cuts > self.cuts {
                    return Some((Err(io::Error::other("cut")), None));
                }
                if self.at < world.oldest {
                    return Some((Ok(format!("{}\n", expired()).into()), None));
                }
                let mine = |told: &&Told| {
                    told.version > self.at
                        && told.resource == self.asked.resource
                        && (told.namespace.is_none()
                            || self.asked.namespace.is_none()
                            || told.namespace == self.asked.namespace)
                        && self.asked.is_told(&told.line)
                };
                world.told.iter().find(mine).map(|t| (t.version, t.line.clone()))
            };
            if let Some((version, line)) = step {
                self.at = version;
                return Some((Ok(format!("{line}\n").into()), Some(self)));
            }
            changed.changed().await.ok()?;
        }
    }
}

/// Counts a watch while it is open.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.world.lock().open += 1;
        shared.changed.send_modify(|n| *n += 1);
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.world.lock().open -= 1;
        self.0.changed.send_modify(|n| *n += 1);
    }
}
