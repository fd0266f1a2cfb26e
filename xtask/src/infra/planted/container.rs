//! Mistakes in `packaging/Containerfile`.

use super::{Edit, Planted};

const FILE: &str = "packaging/Containerfile";

pub fn mistakes() -> Vec<Planted> {
    let planted = |name, edit, check, says| Planted { name, file: FILE, edit, check, says };
    vec![
        planted(
            "a base that moves",
            Edit::Replace("FROM ${BASE} AS common", "FROM docker.io/library/debian:12 AS common"),
            "container bases",
            "not named by its digest",
        ),
        planted(
            "a default base without digest",
            Edit::Replace("\nARG BASE\n\n", "\nARG BASE=debian:12\n\n"),
            "container bases",
            "a default that is not named by its digest",
        ),
        planted(
            "an image that runs as root",
            Edit::Replace("USER 10001:10001", "USER root"),
            "container images",
            "its user is not 10001",
        ),
        planted(
            "services without health check",
            Edit::Drop("CMD [\"/usr/bin/image-health\", \"8081\"]"),
            "container images",
            "it has no health check",
        ),
        planted(
            "an entry point through a shell",
            Edit::Replace("ENTRYPOINT [\"/usr/bin/shop-orders\"]", "ENTRYPOINT /usr/bin/shop-orders"),
            "container hadolint",
            "DL3025",
        ),
        planted(
            "the program of another service",
            Edit::Replace("ENTRYPOINT [\"/usr/bin/shop-payments\"]", "ENTRYPOINT [\"/usr/bin/shop-orders\"]"),
            "container images",
            "shop-payments: its entry point",
        ),
        planted(
            "a secret in the image",
            Edit::Replace(
                "ENV HTTP_ADDR=0.0.0.0:8080 \\",
                "ENV PAYMENTS_WEBHOOK_SECRET=abc HTTP_ADDR=0.0.0.0:8080 \\",
            ),
            "container images",
            "a secret would stay in it",
        ),
        planted(
            "a stage that was forgotten",
            Edit::Replace("FROM service AS shop-notifications", "FROM service AS shop-notification"),
            "container images",
            "no stage is called shop-notifications",
        ),
        planted(
            "the checkout copied into an image",
            Edit::Replace("COPY --from=programs /shop-catalog/ /", "COPY . /"),
            "container images",
            "something is copied",
        ),
        planted(
            "a working directory that is not absolute",
            Edit::Replace("WORKDIR /src", "WORKDIR src"),
            "container hadolint",
            "DL3000",
        ),
    ]
}
