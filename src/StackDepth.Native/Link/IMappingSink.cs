namespace StackDepth.Native.Link;

/// <summary>Gets the records of a <see cref="MappingFeed"/>.</summary>
internal interface IMappingSink
{
    /// <summary>Takes one record, valid only during the call. Records come in the order of their times: a process's fork before all that it does, whatever CPU it did it on.</summary>
    void OnRecord(PerfRecord record);

    /// <summary>The records that were there are read; more may come at once.</summary>
    /// <param name="completeUntil">No record older than this is still to come.</param>
    void OnRound(long completeUntil);

    /// <summary>There will be no more: the events cannot be read, or this has thrown.</summary>
    void OnFailed(Exception error);
}
