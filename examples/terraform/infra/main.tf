# What the example plans and applies. terraform_data is built in: nothing is
# downloaded, so it works with no way out to a registry.
terraform {
  backend "kubernetes" {
    secret_suffix     = "infra" # the state is Secret tfstate-default-infra; KUBE_NAMESPACE says where
    in_cluster_config = true
  }
}

variable "release" {
  type        = string
  description = "What runs in the shop."
}

variable "regions" {
  type    = set(string)
  default = ["eu-west", "us-east"]
}

resource "terraform_data" "network" {
  input = { name = "shop", cidr = "10.20.0.0/16" }
}

resource "terraform_data" "shop" {
  for_each = var.regions
  input    = { region = each.key, release = var.release, network = terraform_data.network.output.name }
}

# Caches of another release are of no use: they are replaced, not changed.
resource "terraform_data" "cache" {
  triggers_replace = [var.release]
}

output "release" {
  value = var.release
}
