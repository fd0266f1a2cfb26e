# Lints of Terraform's own language, all of them. The rules for AWS' values are a plugin that needs a download; `xtask infra`
# checks those values against AWS' own service models instead (`terraform values`).
config {
  call_module_type = "local"
}

plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Modules have topics for files (`nodes.tf`, `waf.tf`) beside the usual three.
rule "terraform_standard_module_structure" {
  enabled = false
}
