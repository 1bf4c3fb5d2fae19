using StackDepth.Tool.Tests.Support;

namespace StackDepth.Tool.Tests.Live;

/// <summary>A cache folder that has no room, or may not be written to, costs time and nothing else.</summary>
public sealed class FullCacheTests(DepthTarget target) : IClassFixture<DepthTarget>
{
    [Theory]
    [InlineData("mount -t tmpfs -o size=8k none \"$0\" && head -c 8k /dev/zero > \"$0/full\"; exec \"$@\"")]
    [InlineData("mount -t tmpfs -o ro none \"$0\" && exec \"$@\"")]
    [InlineData("rmdir \"$0\" && : > \"$0\" && exec \"$@\"")]
    public async Task The_depth_is_what_it_is_with_one(string shell)
    {
        Requires.Root();
        Requires.Program("unshare");
        var folder = Directory.CreateTempSubdirectory("stackdepth-full-cache-").FullName;
        try
        {
            string[] line = ["run", target.Probe, "--walk", "unwind", "--format", "json", "--", target.Path, "23", "5"];
            var usual = await ToolProcess.RunAsync(line);
            for (var again = 0; again < 2; again++)
            {
                var result = await ToolProcess.RunAsync(line, null, new() { ["XDG_CACHE_HOME"] = folder }, ["unshare", "--mount", "sh", "-c", shell, folder]);
                Assert.True(result.Status == 0, result.Errors);
                Assert.Equal(usual.Json.GetProperty("depth").GetProperty("max").GetInt32(), result.Json.GetProperty("depth").GetProperty("max").GetInt32());
                Assert.Equal(5, result.Json.GetProperty("health").GetProperty("complete").GetInt64());
                if (File.Exists(folder))
                {
                    File.Delete(folder);
                    Directory.CreateDirectory(folder);
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
