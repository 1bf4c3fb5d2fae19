using System.Text.Json;

namespace StackDepth.Tool.Output;

/// <summary>What the kernel and the privileges allow.</summary>
internal static class CheckReport
{
    internal static void WriteText(Capabilities capabilities, TextWriter output)
    {
        output.WriteLine(capabilities.Kernel);
        foreach (var check in capabilities.Checks)
        {
            var state = check.Available switch { true => "yes    ", false => "no     ", null => "unknown" };
            output.WriteLine($"  {state}  {check.Name}: {PrintableName.Of(check.Detail)}");
            if (check.Remedy is { } remedy)
                output.WriteLine($"           -> {PrintableName.Of(remedy)}");
        }
        output.WriteLine(capabilities.CanUProbe ? "User-space functions can be probed." : "User-space functions cannot be probed: see what is missing above.");
    }

    internal static void WriteJson(Capabilities capabilities, Stream output)
    {
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("kernel", capabilities.Kernel);
            json.WriteBoolean("canUProbe", capabilities.CanUProbe);
            json.WriteStartArray("available");
            foreach (var feature in Features(capabilities))
                json.WriteStringValue(feature);
            json.WriteEndArray();
            json.WriteStartArray("checks");
            foreach (var check in capabilities.Checks)
            {
                json.WriteStartObject();
                json.WriteString("name", check.Name);
                if (check.Available is { } available)
                    json.WriteBoolean("available", available);
                else
                    json.WriteNull("available");
                json.WriteString("detail", check.Detail);
                json.WriteString("remedy", check.Remedy);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        output.Write("\n"u8);
    }

    private static IEnumerable<string> Features(Capabilities capabilities) =>
        Enum.GetValues<ProbeFeature>().Where(feature => feature != ProbeFeature.None && capabilities.Available.HasFlag(feature))
            .Select(static feature => JsonNamingPolicy.CamelCase.ConvertName(feature.ToString()));
}
