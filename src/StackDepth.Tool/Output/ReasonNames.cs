using System.Text.Json;

namespace StackDepth.Tool.Output;

/// <summary>The names of completenesses and reasons, as the tool writes all its words.</summary>
internal static class ReasonNames
{
    internal static string Of(Completeness completeness) => JsonNamingPolicy.CamelCase.ConvertName(completeness.ToString());

    internal static string Of(StackReason reason) => JsonNamingPolicy.CamelCase.ConvertName(reason.ToString());
}
