// Package provider hands out the Docker provider, which upstream keeps in an internal package.
package provider

import (
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	upstream "github.com/terraform-providers/terraform-provider-docker/internal/provider"
)

// New returns the upstream provider; version goes into its user agent.
func New(version string) *schema.Provider { return upstream.New(version)() }
