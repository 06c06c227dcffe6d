// Go lets only code whose import path lies below the provider's import its internal packages; hence this path.
module github.com/terraform-providers/terraform-provider-docker/shim

go 1.25.0

require github.com/terraform-providers/terraform-provider-docker v0.0.0
