// A stand-in of a Terraform provider: it has the real one's schema and makes nothing.
//
// Terraform checks a configuration against the schemas of its providers, which it asks the running
// providers for. Where they cannot be had, this program speaks for them: names, types, blocks and
// what is required are those of the file that SCHEMA names (as `terraform providers schema -json`
// prints it). Whatever only the real provider knows is made up, so that plan and apply go through
// and outputs can be looked at. It does not know which values a cloud accepts.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type attribute struct {
	Type                         json.RawMessage
	Required, Optional, Computed bool
}

type block struct {
	Attributes map[string]attribute
	BlockTypes map[string]nested `json:"block_types"`
}

type nested struct {
	NestingMode string `json:"nesting_mode"`
	MinItems    int64  `json:"min_items"`
	Block       block
}

type schema struct{ Block block }

type document struct {
	ProviderSchemas map[string]struct {
		Provider        schema
		ResourceSchemas map[string]schema `json:"resource_schemas"`
		DataSchemas     map[string]schema `json:"data_source_schemas"`
	} `json:"provider_schemas"`
}

// provider answers what Terraform asks for; what is not here is never asked of a provider without
// functions, imports and the like.
type provider struct {
	tfprotov5.ProviderServer
	own             *tfprotov5.Schema
	resources, data map[string]*tfprotov5.Schema
	// What the provider fills in where the configuration does not.
	resourcesTell, dataTell told
}

// told has, by type, the names of attributes.
type told map[string]map[string]bool

func main() {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "terraform-provider-")
	address := "registry.terraform.io/hashicorp/" + name
	folder := os.Getenv("STANDIN_SCHEMAS")
	found, err := load(filepath.Join(folder, name+".json"), address)
	if err != nil {
		fmt.Fprintf(os.Stderr, "stand-in: %v: STANDIN_SCHEMAS must name the folder with %s.json\n", err, name)
		os.Exit(2)
	}
	if err := tf5server.Serve(address, func() tfprotov5.ProviderServer { return found }); err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
		os.Exit(1)
	}
}

func load(file, address string) (*provider, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var parsed document
	if err := json.Unmarshal(text, &parsed); err != nil {
		return nil, err
	}
	of, ok := parsed.ProviderSchemas[address]
	if !ok {
		return nil, fmt.Errorf("%s has no schema of %s", file, address)
	}
	made := &provider{own: asSchema(of.Provider.Block)}
	made.resources, made.resourcesTell = all(of.ResourceSchemas, func(key string, a attribute) bool {
		return (a.Computed && !a.Optional) || key == "id" || key == "arn"
	})
	made.data, made.dataTell = all(of.DataSchemas, func(_ string, a attribute) bool { return a.Computed })
	return made, nil
}

// all gives the schemas, and the attributes of each that the provider tells.
func all(schemas map[string]schema, tells func(string, attribute) bool) (map[string]*tfprotov5.Schema, told) {
	made, found := map[string]*tfprotov5.Schema{}, told{}
	for name, each := range schemas {
		made[name] = asSchema(each.Block)
		found[name] = map[string]bool{}
		for key, a := range each.Block.Attributes {
			found[name][key] = tells(key, a)
		}
	}
	return made, found
}

func asSchema(of block) *tfprotov5.Schema {
	return &tfprotov5.Schema{Block: asBlock(of)}
}

func asBlock(of block) *tfprotov5.SchemaBlock {
	made := &tfprotov5.SchemaBlock{}
	for name, a := range of.Attributes {
		kind, err := tftypes.ParseJSONType(a.Type) //nolint:staticcheck // the way to read such a file
		if err != nil {
			panic(fmt.Sprintf("%s: %v", name, err))
		}
		made.Attributes = append(made.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: kind, Required: a.Required, Optional: a.Optional, Computed: a.Computed,
		})
	}
	modes := map[string]tfprotov5.SchemaNestedBlockNestingMode{
		"list": tfprotov5.SchemaNestedBlockNestingModeList, "set": tfprotov5.SchemaNestedBlockNestingModeSet,
		"single": tfprotov5.SchemaNestedBlockNestingModeSingle, "map": tfprotov5.SchemaNestedBlockNestingModeMap,
	}
	for name, each := range of.BlockTypes {
		made.BlockTypes = append(made.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Block: asBlock(each.Block), Nesting: modes[each.NestingMode], MinItems: each.MinItems,
		})
	}
	return made
}

func (p *provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	made := &tfprotov5.GetMetadataResponse{}
	for name := range p.resources {
		made.Resources = append(made.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	for name := range p.data {
		made.DataSources = append(made.DataSources, tfprotov5.DataSourceMetadata{TypeName: name})
	}
	return made, nil
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{Provider: p.own, ResourceSchemas: p.resources, DataSourceSchemas: p.data}, nil
}

func (p *provider) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (p *provider) PrepareProviderConfig(_ context.Context, asked *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: asked.Config}, nil
}

func (p *provider) ConfigureProvider(context.Context, *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (p *provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func (p *provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (p *provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (p *provider) UpgradeResourceState(_ context.Context, asked *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	kind := p.resources[asked.TypeName].ValueType()
	value, err := asked.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	state, err := tfprotov5.NewDynamicValue(kind, value)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

func (p *provider) ReadResource(_ context.Context, asked *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	return &tfprotov5.ReadResourceResponse{NewState: asked.CurrentState}, nil
}

func (p *provider) PlanResourceChange(_ context.Context, asked *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	if prior, err := asked.PriorState.Unmarshal(p.resources[asked.TypeName].ValueType()); err != nil || !prior.IsNull() {
		return &tfprotov5.PlanResourceChangeResponse{PlannedState: asked.ProposedNewState}, err
	}
	planned, err := filled(p.resources, p.resourcesTell, asked.TypeName, asked.ProposedNewState, func(kind tftypes.Type, _ string) tftypes.Value {
		return tftypes.NewValue(kind, tftypes.UnknownValue)
	})
	return &tfprotov5.PlanResourceChangeResponse{PlannedState: planned}, err
}

func (p *provider) ApplyResourceChange(_ context.Context, asked *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	state, err := filled(p.resources, p.resourcesTell, asked.TypeName, asked.PlannedState, madeUp)
	return &tfprotov5.ApplyResourceChangeResponse{NewState: state}, err
}

func (p *provider) ReadDataSource(_ context.Context, asked *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	state, err := filled(p.data, p.dataTell, asked.TypeName, asked.Config, madeUp)
	return &tfprotov5.ReadDataSourceResponse{State: state}, err
}

// filled gives what only the provider tells, where it is not known yet, the value of fill.
func filled(of map[string]*tfprotov5.Schema, tell told, name string, from *tfprotov5.DynamicValue, fill func(tftypes.Type, string) tftypes.Value) (*tfprotov5.DynamicValue, error) {
	kind := of[name].ValueType()
	value, err := from.Unmarshal(kind)
	if err != nil || value.IsNull() { // it goes
		return from, err
	}
	fields := map[string]tftypes.Value{}
	if err := value.As(&fields); err != nil {
		return nil, err
	}
	for key, each := range fields {
		if tell[name][key] && (each.IsNull() || !each.IsKnown()) {
			fields[key] = fill(each.Type(), name+"-"+key)
		}
	}
	made, err := tfprotov5.NewDynamicValue(kind, tftypes.NewValue(kind, fields))
	return &made, err
}

func madeUp(kind tftypes.Type, name string) tftypes.Value {
	switch {
	case kind.Is(tftypes.String):
		return tftypes.NewValue(kind, "made-up-"+name)
	case kind.Is(tftypes.Bool):
		return tftypes.NewValue(kind, false)
	case kind.Is(tftypes.Number):
		return tftypes.NewValue(kind, 1)
	case kind.Is(tftypes.List{ElementType: tftypes.String}):
		var each []tftypes.Value
		for _, letter := range "abcdef" {
			each = append(each, tftypes.NewValue(tftypes.String, "made-up-"+string(letter)))
		}
		return tftypes.NewValue(kind, each)
	default:
		return tftypes.NewValue(kind, nil)
	}
}
