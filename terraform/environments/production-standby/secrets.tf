# Every secret of an environment. Names are those that External Secrets reads in `gitops/`, and a check compares the two lists.

locals {
  databases = ["identity", "catalog", "inventory", "orders", "payments", "notifications"]

  # Made here. One rotates by itself: identity reads the staff's first password only while there is no member, so what stands in
  # Secrets Manager from the first rotation on was never in force. Everything else is changed by hand (runbooks/guides/secrets.md):
  # programs read it when they start, and nothing starts them anew for it; the console and Grafana give it to their user each time.
  random_secrets = merge(
    { for service in local.databases : "postgres-${service}" => { description = "password of ${service}'s role", made = "random" } },
    {
      telemetry-write-token  = { description = "senders of telemetry", made = "random" }
      telemetry-read-token   = { description = "readers of telemetry", made = "random" }
      faults-token           = { description = "switches of faults", made = "random" }
      flux-events-key        = { description = "signature of Flux' notifications", made = "random" }
      console-admin-password = { description = "password of the console's administrator", made = "random" }
      grafana-admin-password = { description = "password of Grafana's administrator", made = "random" }
      shop-staff-password    = { description = "first log-in of the shop's staff", made = "random", rotate_days = 30 }
      postgres-console       = { description = "password of the console's role, in a Postgres of its own", made = "random" }
      redis                  = { description = "password of the durable store", made = "random", shared = var.cache != null }
      redis-cache            = { description = "password of the cache store", made = "random", shared = var.cache != null }
    },
  )

  # Given by a person: they have a form of their own, or somebody else has made them.
  given_secrets = merge(
    { for name in ["storefront", "identity", "orders"] : "service-auth/${name}" => { description = "key with which ${name} signs its calls, PEM", made = "given" } },
    {
      "service-auth/jwks"     = { description = "public keys of all callers, JSON", made = "given" }
      cookie-key              = { description = "key of the storefronts' cookies, 64 hexadecimal digits, newest first", made = "given" }
      voucher-digest-key      = { description = "key of vouchers' digests of addresses, 64 hexadecimal digits, newest first", made = "given" }
      payments-webhook-secret = { description = "signature of the payment provider's webhooks", made = "given" }
      stripe-key              = { description = "key of the payment provider's API", made = "given" }
      slack-webhook-url       = { description = "incoming webhook of Slack", made = "given" }
      on-call-address         = { description = "mail address of whoever is on call", made = "given" }
      smtp-url                = { description = "server of mails to shoppers, with log-in", made = "given" }
      smtp-host               = { description = "server of mails to engineers", made = "given" }
      smtp-username           = { description = "log-in at that server", made = "given" }
      smtp-password           = { description = "password at that server", made = "given" }
      github-token            = { description = "reads the repository, sets commit statuses; in staging writes contents", made = "given" }
    },
  )

  secrets = merge(local.random_secrets, local.given_secrets)
}
