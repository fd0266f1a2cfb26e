# Every secret of an environment. Names are those that External Secrets reads in `gitops/`, and a check compares the two lists.

locals {
  databases = ["identity", "catalog", "inventory", "orders", "payments", "notifications"]

  # Made here. What programs read anew rotates by itself; what a database, a browser's cookie or a stored digest depends on is
  # rotated by hand (runbooks/guides/cloud.md).
  random_secrets = merge(
    { for service in local.databases : "postgres-${service}" => { description = "password of ${service}'s role", made = "random" } },
    {
      telemetry-write-token  = { description = "senders of telemetry", made = "random", rotate_days = 90 }
      telemetry-read-token   = { description = "readers of telemetry", made = "random", rotate_days = 90 }
      faults-token           = { description = "switches of faults", made = "random", rotate_days = 30 }
      flux-events-key        = { description = "signature of Flux' notifications", made = "random", rotate_days = 90 }
      console-admin-password = { description = "first log-in of the console", made = "random" }
      grafana-admin-password = { description = "first log-in of Grafana", made = "random" }
      shop-staff-password    = { description = "first log-in of the shop's staff", made = "random" }
      redis                  = { description = "password of the durable store", made = "random", shared = true }
      redis-cache            = { description = "password of the cache store", made = "random", shared = true }
    },
  )

  # Given by a person: they have a form of their own, or somebody else has made them.
  given_secrets = merge(
    { for name in ["storefront", "identity", "orders"] : "service-auth/${name}" => { description = "key with which ${name} signs its calls, PEM", made = "given" } },
    {
      "service-auth/jwks"     = { description = "public keys of all callers, JSON", made = "given" }
      cookie-key              = { description = "key of the storefronts' cookies, 32 bytes in hex", made = "given" }
      voucher-digest-key      = { description = "key of vouchers' digests of addresses, 32 bytes in hex", made = "given" }
      payments-webhook-secret = { description = "signature of the payment provider's webhooks", made = "given" }
      stripe-key              = { description = "key of the payment provider's API", made = "given" }
      slack-webhook-url       = { description = "incoming webhook of Slack", made = "given" }
      on-call-address         = { description = "mail address of whoever is on call", made = "given" }
      smtp-url                = { description = "server of mails to shoppers, with log-in", made = "given" }
      smtp-host               = { description = "server of mails to engineers", made = "given" }
      smtp-username           = { description = "log-in at that server", made = "given" }
      smtp-password           = { description = "password at that server", made = "given" }
      github-token            = { description = "reads the repository, sets commit status", made = "given" }
    },
  )

  secrets = merge(local.random_secrets, local.given_secrets)
}
